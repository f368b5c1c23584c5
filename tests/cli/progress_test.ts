/**
 * Tests of progress where there is no terminal; terminal_test.ts has one.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type ProgressOptions, ProgressView } from "../../src/cli/progress.ts";
import type { Progress } from "../../src/train/callbacks.ts";
import { type Clock, pretendTime } from "../environment.ts";

const PROGRESS: Progress = {
  phase: "train",
  epoch: 2,
  batch: 3,
  batches: 8,
  loss: 1.25,
  accuracy: 0.5,
  imagesPerSecond: 170.26,
  secondsPerBatch: 2,
};
const LINE = "epoch 2, step 3 of 8, loss 1.2500, acc 0.500, 170 images/s";

/** Replaces a method for a while. */
function replace<T extends object, K extends keyof T>(
  object: T,
  key: K,
  value: T[K],
): Disposable {
  const before = Object.getOwnPropertyDescriptor(object, key);
  Object.defineProperty(object, key, { configurable: true, value });
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete object[key];
      else Object.defineProperty(object, key, before);
    },
  };
}

/** The lines that a view prints on standard error, at times that the test chooses. */
function linesOf(
  body: (view: ProgressView, clock: Clock) => void,
  options: ProgressOptions = {},
): string[] {
  const lines: string[] = [];
  using _terminal = replace(Deno.stderr, "isTerminal", () => false);
  using _error = replace(
    console,
    "error",
    (...parts: unknown[]) => void lines.push(parts.join(" ")),
  );
  using clock = pretendTime();
  const view = new ProgressView(options);
  body(view, clock);
  view.stop();
  return lines;
}

Deno.test("ProgressView prints a line every half minute without a terminal", () => {
  const lines = linesOf((view, clock) => {
    for (let batch = 1; batch <= 70; batch++) {
      clock.ms += 1000;
      view.update({ ...PROGRESS, batch, batches: 100 });
    }
  });
  assertEquals(lines.map((line) => /step \d+ of \d+/.exec(line)?.[0]), [
    "step 31 of 100",
    "step 62 of 100",
  ]);
});

Deno.test("ProgressView says what it knows", () => {
  const evaluating: Progress = { ...PROGRESS, phase: "evaluate", epoch: 0 };
  const lines = linesOf((view, clock) => {
    const events = [PROGRESS, evaluating, { ...PROGRESS, batches: undefined }];
    for (const event of events) {
      clock.ms += 31_000;
      view.update(event);
    }
  });
  assertEquals(lines, [
    LINE,
    "evaluating, batch 3 of 8, loss 1.2500, acc 0.500, 170 images/s",
    "epoch 2, step 3, loss 1.2500, acc 0.500, 170 images/s",
  ]);
});

Deno.test("ProgressView with logEvery prints those steps of training and no others", () => {
  const lines = linesOf((view, clock) => {
    for (let batch = 1; batch <= 8; batch++) {
      clock.ms += 31_000;
      view.update({ ...PROGRESS, batch });
      view.update({ ...PROGRESS, batch, phase: "evaluate" });
    }
  }, { logEvery: 3 });
  assertEquals(lines, [LINE, LINE.replace("step 3", "step 6")]);
});

Deno.test("ProgressView prints one line per file that is downloaded", () => {
  const lines = linesOf((view) => {
    for (const file of ["one.gz", "two.gz"]) {
      for (let receivedBytes = 1024; receivedBytes < 9000;) {
        view.download({ file, receivedBytes, totalBytes: 10_240 });
        receivedBytes += 1024;
      }
    }
  });
  assertEquals(lines, [
    "downloading one.gz, 10 KiB",
    "downloading two.gz, 10 KiB",
  ]);
});

Deno.test("ProgressView prints what it is given at once", () => {
  assertEquals(linesOf((view) => view.print("a note")), ["a note"]);
});

Deno.test("ProgressView prints nothing when quiet", () => {
  const lines = linesOf((view, clock) => {
    clock.ms = 100_000;
    view.update({ ...PROGRESS, batch: 4 });
    view.download({ file: "one.gz", receivedBytes: 1, totalBytes: undefined });
    view.print("a note");
  }, { quiet: true, logEvery: 2 });
  assertEquals(lines, []);
});

Deno.test("ProgressView without bars prints lines on a terminal too", () => {
  const lines: string[] = [];
  using _terminal = replace(Deno.stderr, "isTerminal", () => true);
  using _error = replace(
    console,
    "error",
    (line: unknown) => void lines.push(String(line)),
  );
  const view = new ProgressView({ noBars: true, logEvery: 3 });
  view.update(PROGRESS);
  view.stop();
  view.stop();
  assertEquals(lines, [LINE]);
});
