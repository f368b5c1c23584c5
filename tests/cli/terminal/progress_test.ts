/**
 * Tests of progress: bars as lines of text, what is shown where there is no terminal, and lines that stay at the end of one
 * that is made up.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type Bar,
  formatBar,
  LiveRegion,
  type ProgressOptions,
  ProgressView,
  type Terminal,
} from "../../../src/cli/terminal/progress.ts";
import type { Progress } from "../../../src/train/callbacks.ts";
import { type Clock, pretendTime } from "../../environment.ts";
import { screenOf } from "../terminal.ts";

const BAR: Bar = {
  title: "epoch 3",
  done: 30,
  total: 40,
  details: [
    "loss 0.5000, acc 0.812, 170 images/s, 12 s left",
    "loss 0.5000, acc 0.812, 12 s left",
    "loss 0.5000, 12 s left",
    "12 s left",
  ],
};

Deno.test("formatBar() writes as much as there is room for", () => {
  const write = (columns: number) => formatBar(BAR, columns);
  assertEquals(
    write(200),
    "epoch 3 [==================------]  75% loss 0.5000, acc 0.812, 170 images/s, 12 s left",
  );
  assertEquals(
    write(79),
    "epoch 3 [============----]  75% loss 0.5000, acc 0.812, 170 images/s, 12 s left",
  );
  assertEquals(write(39), "epoch 3 [===========---]  75% 12 s left");
  assertEquals(write(20), "epoch 3 [======--]  75%");
  for (let columns = 24; columns < 120; columns++) {
    assert(write(columns).length <= columns, `${columns}`);
  }
});

Deno.test("formatBar() is full at the end only", () => {
  const write = (done: number, total: number) =>
    formatBar({ title: "a", done, total, details: [] }, 80);
  assertEquals(write(0, 1000), `a [${"-".repeat(24)}]   0%`);
  assertEquals(write(999, 1000).slice(-5), "]  99%".slice(-5));
  for (const [done, total] of [[1000, 1000], [1001, 1000], [0, 0]]) {
    assertEquals(write(done, total), `a [${"=".repeat(24)}] 100%`);
  }
});

Deno.test("formatBar() counts where the end is unknown", () => {
  const bar = { ...BAR, total: undefined };
  assertEquals(formatBar(bar, 80), `epoch 3, 30: ${BAR.details[0]}`);
  assertEquals(formatBar(bar, 40), `epoch 3, 30: ${BAR.details[2]}`);
  assertEquals(formatBar(bar, 10), `epoch 3, 30: ${BAR.details[3]}`);
});

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

Deno.test("ProgressView with --log-every prints those steps of training and no others", () => {
  const lines = linesOf((view, clock) => {
    for (let batch = 1; batch <= 8; batch++) {
      clock.ms += 31_000;
      view.update({ ...PROGRESS, batch });
      view.update({ ...PROGRESS, batch, phase: "evaluate" });
    }
  }, { "log-every": 3 });
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
  }, { quiet: true, "log-every": 2 });
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
  const view = new ProgressView({ progress: false, "log-every": 3 });
  view.update(PROGRESS);
  view.stop();
  view.stop();
  assertEquals(lines, [LINE]);
});

/** A terminal that remembers what was written, of a size that tests change. */
class RecordingTerminal implements Terminal {
  columns = 20;
  rows = 10;
  readonly writes: string[] = [];

  write(text: string): void {
    this.writes.push(text);
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.rows };
  }

  /** What is to be seen, if the terminal breaks lines anew when its width changes. */
  screen(): string[] {
    const typescript = this.writes.join("").replaceAll("\n", "\r\n");
    return screenOf(typescript, this.columns);
  }
}

Deno.test("LiveRegion draws in place, in one write that overwrites before it erases", () => {
  const terminal = new RecordingTerminal();
  terminal.write("before\n");
  const region = new LiveRegion(terminal);
  region.draw(["curve", "another", "bar 1"]);
  region.draw(["a long curve", "bar 2"]);
  region.draw(["c", "d", "e", "bar 3"]);
  assertEquals(terminal.screen(), ["before", "c", "d", "e", "bar 3"]);
  assertEquals(terminal.writes.length, 4);
  for (const write of terminal.writes.slice(1)) {
    const [start, end] = [write.indexOf("\x1b[K"), write.indexOf("\x1b[J")];
    assert(/[a-z]$/.test(write.slice(0, start)), "text comes first");
    assertEquals(end, write.length - 3);
  }
});

Deno.test("LiveRegion prints lines above itself, one by one and of any width", () => {
  const terminal = new RecordingTerminal();
  const region = new LiveRegion(terminal);
  region.print("first");
  region.draw(["curve", "bar"]);
  region.print("second\nthird");
  const wide = "wide ".repeat(9).trim();
  region.print(wide);
  assertEquals(terminal.writes.length, 4);
  assertEquals(
    terminal.screen(),
    ["first", "second", "third", wide, "curve", "bar"],
  );
});

Deno.test("LiveRegion cuts what is too wide or too much", () => {
  const terminal = new RecordingTerminal();
  terminal.rows = 4;
  const region = new LiveRegion(terminal);
  region.draw(["1", "2", "3", "x".repeat(50)]);
  assertEquals(terminal.screen(), ["2", "3", "x".repeat(19)]);
  terminal.columns = 0;
  region.draw(["abc"]);
  assert(terminal.writes.at(-1)!.includes("a\x1b[K"));
});

for (const columns of [19, 10, 7, 60]) {
  Deno.test(`LiveRegion is drawn once when 20 columns become ${columns}`, () => {
    const terminal = new RecordingTerminal();
    terminal.write("before\n");
    const region = new LiveRegion(terminal);
    region.draw(["c".repeat(19), "", "short", "b".repeat(12)]);
    terminal.columns = columns;
    region.draw(["curve", "bar"]);
    assertEquals(terminal.screen(), ["before", "curve", "bar"]);
  });
}

Deno.test("LiveRegion goes away without a trace, or stays", () => {
  const terminal = new RecordingTerminal();
  terminal.write("before\n");
  const region = new LiveRegion(terminal);
  region.clear();
  region.leave();
  assertEquals(terminal.writes.length, 1);
  region.draw(["curve", "bar"]);
  region.clear();
  region.clear();
  terminal.write("between\n");
  region.draw(["curve"]);
  region.leave();
  terminal.write("after\n");
  region.draw(["bar"]);
  assertEquals(
    terminal.screen(),
    ["before", "between", "curve", "after", "bar"],
  );
});
