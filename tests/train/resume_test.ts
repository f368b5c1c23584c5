/**
 * Tests of going on from a state: the same to the bit as a run that was never interrupted.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { OptionError, ShapeError, TrainingError } from "../../src/errors.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import type { Callbacks, EpochEnd } from "../../src/train/callbacks.ts";
import { fit, type FitOptions, type History } from "../../src/train/fit.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { read, use, webgpuTest } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

/** What a run did. */
interface Outcome {
  readonly history: History;
  /** Loss of each step that it did. */
  readonly losses: number[];
  readonly weights: Float32Array[];
  readonly states: TrainingState[];
}

/** Trains the tiny network for 3 epochs of 5 steps, with everything that is random. */
async function train(
  options: FitOptions & { data?: BatchSource; rate?: number } = {},
): Promise<Outcome> {
  const { data = tinyData({ shuffle: true, seed: 4 }), ...rest } = options;
  const net = tinyNet({ rate: 0.3, seed: 2 });
  const optimizer = sgd({ learningRate: 0.5, momentum: 0.5 });
  const losses: number[] = [];
  const states: TrainingState[] = [];
  const record: Callbacks = {
    async onStepEnd({ loss }) {
      losses.push((await loss.data())[0]);
    },
  };
  const history = await fit(net, data, {
    epochs: 3,
    optimizer,
    validation: tinyData({ count: 7 }),
    checkpoints: { everySteps: 1, save: (state) => void states.push(state) },
    ...rest,
    callbacks: [record, ...rest.callbacks ?? []],
  });
  const weights = await read(() => net.getWeights().map((w) => tf.clone(w)));
  optimizer.dispose();
  net.dispose();
  return { history, losses, weights, states };
}

/** As a file would have it. */
function reread(state: TrainingState): TrainingState {
  return { ...state, progress: JSON.parse(JSON.stringify(state.progress)) };
}

/** Without what depends on the clock. */
function timeless(epochs: readonly EpochEnd[]): unknown {
  const clock = { seconds: 0, waitSeconds: 0, imagesPerSecond: 0 };
  const rest = epochs.map((epoch) => ({ ...epoch, ...clock }));
  return JSON.parse(JSON.stringify(rest));
}

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`fit() goes on from its states to the bit on ${device}`, async () => {
    await use(device);
    const whole = await train();
    assertEquals(whole.losses.length, 15);
    const before = tf.memory().numTensors;
    // After steps 1 to 5, which has all batches of the epoch, and after the epoch's end, and so on.
    assertEquals(whole.states.map(({ progress: p }) => [p.epoch, p.step]), [
      ...[[1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [2, 5]],
      ...[[2, 6], [2, 7], [2, 8], [2, 9], [2, 10], [3, 10]],
      ...[[3, 11], [3, 12], [3, 13], [3, 14], [3, 15], [4, 15]],
    ]);
    // On WebGPU a few, as each takes seconds: in an epoch, at the end of its batches, at its own end, and the last.
    const chosen = device === "cpu"
      ? whole.states
      : [1, 4, 5, 17].map((i) => whole.states[i]);
    for (const state of chosen) {
      const rest = await train({ resume: reread(state) });
      const { step } = state.progress;
      assertEquals(rest.losses, whole.losses.slice(step), `from step ${step}`);
      assertEquals(rest.weights, whole.weights);
      assertEquals(
        timeless(rest.history.epochs),
        timeless(whole.history.epochs),
      );
      assertEquals(rest.history.steps, 15);
    }
    assertEquals(tf.memory().numTensors, before);
  });
}

webgpuTest(
  "fit() goes on to the bit in float16, with its loss scale",
  async () => {
    await use("webgpu");
    const whole = await train({ precision: "float16", epochs: 1 });
    const state = whole.states[2];
    assertEquals(state.others.get("lossScale")?.values.length, 4);
    const rest = await train({
      precision: "float16",
      epochs: 1,
      resume: reread(state),
    });
    assertEquals(rest.losses, whole.losses.slice(3));
    assertEquals(rest.weights, whole.weights);
  },
);

Deno.test("fit() goes on from the middle of data that it can only go through from the beginning", async () => {
  await use("cpu");
  const data = tinyData();
  const plain: BatchSource = { [Symbol.asyncIterator]: () => data.batches() };
  const whole = await train({ data: plain, epochs: 1 });
  const rest = await train({
    data: plain,
    epochs: 1,
    resume: whole.states[2],
  });
  assertEquals(rest.losses, whole.losses.slice(3));
  assertEquals(rest.weights, whole.weights);
});

Deno.test("fit() trains more epochs from the last state, and none where all are done", async () => {
  await use("cpu");
  const whole = await train();
  const short = await train({ epochs: 2 });
  const last = short.states.at(-1)!;
  const rest = await train({ resume: last });
  assertEquals(rest.weights, whole.weights);
  const none = await train({ epochs: 2, resume: last });
  assertEquals([none.losses, none.history.stopped], [[], "completed"]);
  assertEquals(none.weights, short.weights);
});

/** A run of which each state is taken by the caller, at its ends only. */
async function interrupt(
  options: FitOptions & { data?: BatchSource },
): Promise<Outcome & { last: TrainingState }> {
  const states: TrainingState[] = [];
  const outcome = await train({
    ...options,
    checkpoints: { save: (state) => void states.push(state) },
  });
  return { ...outcome, last: reread(states.at(-1)!) };
}

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

Deno.test("fit() measures the accuracy on the train data, with dropout off, if asked to", async () => {
  await use("cpu");
  const data = tinyData();
  const { history } = await train({
    data,
    validation: data,
    measureTrain: data,
    epochs: 2,
  });
  for (const { measuredTrainAccuracy, testAccuracy } of history.epochs) {
    assertEquals(measuredTrainAccuracy, testAccuracy);
    assert(testAccuracy !== undefined);
  }
});

Deno.test("fit() refuses states of another network or optimizer, and callbacks that share a name", async () => {
  await use("cpu");
  const { states: [state] } = await train({ epochs: 1 });
  const [name] = state.weights.keys();
  const weights = new Map(state.weights);
  weights.delete(name);
  await assertRejects(
    () => train({ resume: { ...state, weights } }),
    ShapeError,
    `Cannot resume as there is no weight ${name}`,
  );
  const net = tinyNet();
  await assertRejects(
    () => fit(net, tinyData(), { resume: state, optimizer: sgd() }),
    OptionError,
    "SGD without momentum keeps nothing",
  );
  net.dispose();
  const saver = { name: "one", saveState: () => 1 };
  for (const callbacks of [[saver, saver], [{ saveState: () => 1 }]]) {
    await assertRejects(
      () => train({ callbacks }),
      OptionError,
      "callbacks.name",
    );
  }
});

Deno.test("fit() keeps no state once the loss is not finite", async () => {
  await use("cpu");
  const net = tinyNet();
  const states: TrainingState[] = [];
  await assertRejects(
    () =>
      fit(net, tinyData(), {
        optimizer: sgd({ learningRate: 1e38 }),
        checkpoints: {
          everySteps: 1,
          save: (state) => void states.push(state),
        },
      }),
    TrainingError,
  );
  for (const { progress } of states) assert(progress.sums.loss < Infinity);
  assert(states.length < 5);
  net.dispose();
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
  const controller = new AbortController();
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    controller.abort();
  };
  const { last } = await interrupt({
    epochs: 1,
    signal: controller.signal,
    callbacks: [{
      onProgress: ({ phase }) => phase === "train" ? undefined : slow(),
    }],
  });
  assertEquals(last.progress.sums.batches, 5);
  assert(last.progress.sums.seconds < 0.5, `${last.progress.sums.seconds} s`);
});
