/** Tests of runs that end in the middle of an epoch, and go on from there. */

import { assertEquals } from "@std/assert";
import type { BatchSource } from "../../src/train/batch_source.ts";
import type { EpochEnd } from "../../src/train/callbacks.ts";
import { pretendTime } from "../environment.ts";
import { use } from "../device.ts";
import { interrupt, timeless, train } from "./kept_runs.ts";
import { tinyData } from "./tiny.ts";

Deno.test("fit() ends after the step in which its signal is aborted, without evaluation, and goes on from there", async () => {
  await use("cpu");
  const whole = await train();
  const controller = new AbortController();
  const { history, losses, last } = await interrupt({
    signal: controller.signal,
    callbacks: [{
      onStepEnd({ step }) {
        if (step === 6) controller.abort();
      },
    }],
  });
  assertEquals(history.stopped, "aborted");
  assertEquals(losses, whole.losses.slice(0, 7));
  assertEquals(history.epochs.map(({ epoch }) => epoch), [1]);
  const rest = await train({ resume: last });
  assertEquals(rest.losses, whole.losses.slice(7));
  assertEquals(rest.weights, whole.weights);
});

Deno.test("fit() ends in the middle of an evaluation, which the resumed run makes", async () => {
  await use("cpu");
  const whole = await train();
  const controller = new AbortController();
  const { history, losses, last } = await interrupt({
    signal: controller.signal,
    callbacks: [{
      onProgress({ phase, epoch }) {
        if (phase === "evaluate" && epoch === 2) controller.abort();
      },
    }],
  });
  assertEquals([history.stopped, losses.length], ["aborted", 10]);
  assertEquals([last.progress.epoch, last.progress.sums.batches], [2, 5]);
  const rest = await train({ resume: last });
  assertEquals(timeless(rest.history.epochs), timeless(whole.history.epochs));
  assertEquals(rest.weights, whole.weights);
});

Deno.test("fit() finishes the epoch of a run that was stopped in its middle, as if it never was", async () => {
  await use("cpu");
  const callback = () => {
    const seen: string[] = [];
    return {
      name: "seen",
      seen,
      onEpochEnd({ epoch, isPartial }: EpochEnd) {
        seen.push(`${epoch}${isPartial ? " partial" : ""}`);
      },
      saveState: () => [...seen],
      restoreState: (state: unknown) => void seen.push(...state as string[]),
    };
  };
  const [first, second] = [callback(), callback()];
  const whole = await train();
  const { history, last } = await interrupt({
    callbacks: [first, {
      onStepEnd({ step }, training) {
        if (step === 7) training.stop();
      },
    }],
  });
  assertEquals([history.stopped, history.steps], ["stopped", 8]);
  assertEquals(history.epochs.map((e) => e.isPartial), [false, true]);
  assertEquals(first.seen, ["1", "2 partial"]);
  const rest = await train({ resume: last, callbacks: [second] });
  assertEquals(second.seen, ["1", "2", "3"]);
  assertEquals(timeless(rest.history.epochs), timeless(whole.history.epochs));
  assertEquals(rest.weights, whole.weights);
});

Deno.test("fit() takes an epoch that it was stopped in for a part, also of data of unknown length", async () => {
  await use("cpu");
  const data = tinyData();
  const plain: BatchSource = { [Symbol.asyncIterator]: () => data.batches() };
  const whole = await train({ data: plain, epochs: 2 });
  const { history, last } = await interrupt({
    ...{ data: plain, epochs: 2 },
    callbacks: [{
      onStepEnd({ step }, training) {
        if (step === 1) training.stop();
      },
    }],
  });
  assertEquals(history.epochs.map((e) => e.isPartial), [true]);
  const rest = await train({ data: plain, epochs: 2, resume: last });
  assertEquals(rest.losses, whole.losses.slice(2));
});

Deno.test("fit() has the speed of training, whatever an interrupted evaluation took", async () => {
  await use("cpu");
  using clock = pretendTime();
  const controller = new AbortController();
  const slow = () => {
    clock.ms += 500;
    controller.abort();
  };
  const { last } = await interrupt({
    epochs: 1,
    signal: controller.signal,
    callbacks: [{
      onStepEnd: () => void (clock.ms += 10),
      onProgress: ({ phase }) => phase === "train" ? undefined : slow(),
    }],
  });
  const { batches, seconds } = last.progress.sums;
  assertEquals([batches, seconds], [5, 0.05]);
});
