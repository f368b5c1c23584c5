/** Tests of going on from a state: the same to the bit as a run that was never interrupted. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { OptionError, ShapeError, TrainingError } from "../../src/errors.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import { fit } from "../../src/train/fit.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { use, webgpuTest } from "../device.ts";
import { reread, timeless, train } from "./kept_runs.ts";
import { tinyData, tinyNet } from "./tiny.ts";

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
