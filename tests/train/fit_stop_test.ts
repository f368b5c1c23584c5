/** Tests of how training ends before its last epoch, on the CPU backend: the time is up, or something is wrong. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import {
  DataError,
  OptionError,
  ShapeError,
  TrainingError,
} from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import { pretendTime } from "../environment.ts";
import { use } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

Deno.test("fit() stops at the end of a step when the time is up, and still evaluates", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  using clock = pretendTime();
  const history = await fit(net, tinyData(), {
    epochs: 3,
    maxTimeMs: 50,
    logEvery: 1,
    validation: tinyData({ count: 8 }),
    callbacks: [{ onStepEnd: () => void (clock.ms += 30) }],
  });
  assertEquals([history.stopped, history.steps], ["max-time", 2]);
  assertEquals(history.epochs.length, 1);
  const { accuracy } = await evaluate(net, tinyData({ count: 8 }));
  assertEquals(history.epochs[0].testAccuracy, accuracy);
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

Deno.test("fit() begins no epoch when the time is up after the last", async () => {
  await use("cpu");
  const net = tinyNet();
  using clock = pretendTime();
  const history = await fit(net, tinyData({ count: 4 }), {
    epochs: 3,
    maxTimeMs: 50,
    callbacks: [{ onEpochEnd: () => void (clock.ms += 60) }],
  });
  assertEquals(history.epochs.length, 1);
  assertEquals(history.stopped, "max-time");
  net.dispose();
});

Deno.test("fit() throws when the loss is not finite, and frees its own", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  const error = await assertRejects(
    () =>
      fit(net, tinyData(), {
        optimizer: sgd({ learningRate: 1e38 }),
        epochs: 2,
      }),
    TrainingError,
    "try a smaller learning rate",
  );
  assertEquals(error.epoch, 1);
  assert(error.step >= 1 && error.step <= 4, `step ${error.step}`);
  assertEquals(error.message.includes("\n"), false);
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

Deno.test("fit() frees its own when a callback throws", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  const stop = (): never => {
    throw new Error("enough");
  };
  for (const callbacks of [{ onEpochEnd: stop }, { onProgress: stop }]) {
    await assertRejects(
      () => fit(net, tinyData(), { callbacks: [callbacks] }),
      Error,
      "enough",
    );
    assertEquals(tf.memory().numTensors, before);
  }
  net.dispose();
});

const REFUSED: [option: string, options: FitOptions][] = [
  ["epochs", { epochs: 0 }],
  ["epochs", { epochs: 1.5 }],
  ["maxTimeMs", { maxTimeMs: 0 }],
  ["maxTimeMs", { maxTimeMs: NaN }],
  ["logEvery", { logEvery: 0 }],
];
for (const [option, options] of REFUSED) {
  Deno.test(`fit() refuses ${option} ${Object.values(options)}`, async () => {
    await use("cpu");
    const net = tinyNet();
    const error = await assertRejects(
      () => fit(net, tinyData(), options),
      OptionError,
    );
    assertEquals(error.option, option);
    net.dispose();
  });
}

Deno.test("fit() refuses data without batches and images that do not fit", async () => {
  await use("cpu");
  const before = tf.memory().numTensors;
  const empty: BatchSource = { async *[Symbol.asyncIterator]() {} };
  const net = tinyNet();
  await assertRejects(
    () => fit(net, empty),
    DataError,
    "Cannot train as the data has no batches",
  );
  net.dispose();
  const other = lenet();
  await assertRejects(() => fit(other, tinyData()), ShapeError);
  other.dispose();
  assertEquals(tf.memory().numTensors, before);
});
