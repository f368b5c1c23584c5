/** Tests of `fit()` and `evaluate()` in several processes against one: the same losses, whatever is trained and how. */

import { assert, assertEquals } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { lenet } from "../../src/models/lenet.ts";
import { adam } from "../../src/optim/adam.ts";
import { cosineRate } from "../../src/optim/schedule.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { nativeTest } from "../native.ts";
import { inMemory } from "./in_memory.ts";
import { tinyData, tinyNet } from "./tiny.ts";
import {
  type TogetherRun,
  trainAlone,
  type Trained,
  trainTogether,
} from "./together_runs.ts";

/** How far losses may be from those of one process, where sums are rounded in another order. */
const CLOSE = { relative: 1e-5 };

/** 20 batches of 33, of which the last has 1 image: no part of it for most processes. */
const { train, test } = await loadFashionMnist({
  source: "sample",
  trainSamples: 628,
  testSamples: 100,
  batchSize: 33,
  workers: 0,
});

const OPTIMIZERS: Record<
  string,
  Pick<TogetherRun, "optimizer" | "schedule" | "clipNorm">
> = {
  "sgd()": { optimizer: () => sgd({ learningRate: 0.9 }) },
  "momentum and weight decay": {
    optimizer: () =>
      sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3 }),
  },
  "adam()": { optimizer: () => adam({ learningRate: 0.002 }) },
  "clipping and a schedule": {
    optimizer: () => sgd({ momentum: 0.5 }),
    schedule: cosineRate({ learningRate: 0.9, steps: 20 }),
    clipNorm: 0.5,
  },
};

for (const [name, options] of Object.entries(OPTIMIZERS)) {
  const sizes = name === "sgd()" ? [1, 2, 3] : [3];
  nativeTest(
    `fit() of LeNet has the losses of one alone in ${sizes} processes, with ${name}`,
    async () => {
      const before = tf.memory().numTensors;
      const net = () => lenet({ seed: 1 });
      const run = { net, data: train, validation: test, ...options };
      const alone = await trainAlone(run);
      assertEquals(alone.losses.length, 20);
      for (const size of sizes) {
        const all = await trainTogether(size, run);
        compare(all, alone);
        if (size === 1) assertEquals(all[0].losses, alone.losses);
        assert(all[0].calls.includes("allReduce Float32Array 61706"));
      }
      assertEquals(tf.memory().numTensors, before);
    },
  );
}

/** Small batches of which many parts are empty, with dropout. */
async function compareDropout(sizes: readonly number[]): Promise<void> {
  const before = tf.memory().numTensors;
  const data = tinyData({ count: 29, batchSize: 7, shuffle: true, seed: 1 });
  const run: TogetherRun = {
    net: () => tinyNet({ rate: 0.5, seed: 3 }),
    optimizer: () => sgd({ learningRate: 0.5, momentum: 0.5 }),
    data,
    epochs: 2,
    validation: tinyData({ count: 9, batchSize: 4 }),
  };
  const alone = await trainAlone(run);
  const dry = await trainAlone({ ...run, net: () => tinyNet({ seed: 3 }) });
  const differences = alone.losses.map((l, i) => Math.abs(l - dry.losses[i]));
  assert(Math.max(...differences) > 0.01, "dropout changes the losses");
  for (const size of sizes) compare(await trainTogether(size, run), alone);
  data.dispose();
  assertEquals(tf.memory().numTensors, before);
}

Deno.test("fit() has the losses of one process with dropout, on the plain CPU", async () => {
  await use("plain");
  await compareDropout([1, 2, 3]);
});

nativeTest(
  "fit() has the losses of one process with dropout, and with more processes than images, on the native CPU",
  async () => {
    await compareDropout([3, 9]);
  },
);

webgpuTest(
  "fit() has the losses of one process with dropout, on WebGPU",
  async () => {
    await use("webgpu");
    await compareDropout([3]);
  },
);

webgpuTest(
  "fit() in float16 has nearly the losses of one process",
  async () => {
    await use("webgpu");
    const run: TogetherRun = {
      net: () => tinyNet({ seed: 3 }),
      optimizer: () => sgd({ learningRate: 0.5 }),
      data: tinyData({ count: 9, batchSize: 4 }),
      precision: "float16",
    };
    const alone = await trainAlone(run);
    const all = await trainTogether(2, run);
    // Gradients of each process are rounded by 2^-11.
    assertClose(all[0].losses, alone.losses, { relative: 2 ** -11 });
    for (const { weights } of all) assertEquals(weights, all[0].weights);
  },
);

nativeTest("fit() cuts batches of a source that makes whole ones", async () => {
  const data = tinyData({ count: 9 });
  const run: TogetherRun = {
    net: () => tinyNet({ rate: 0.5 }),
    optimizer: () => sgd({ learningRate: 0.5 }),
    data: { [Symbol.asyncIterator]: () => data.batches({ epoch: 0 }) },
  };
  compare(await trainTogether(2, run), await trainAlone(run));
});

nativeTest(
  "evaluate() in 1, 2 and 3 processes measures what one alone does",
  async () => {
    const net = lenet({ seed: 1 });
    const before = tf.memory().numTensors;
    const alone = await evaluate(net, test);
    for (const size of [1, 2, 3]) {
      const all = await Promise.all(
        inMemory(size).map((communicator) =>
          evaluate(net, test, { communicator })
        ),
      );
      for (const { loss, accuracy } of all) {
        assertEquals(accuracy, alone.accuracy);
        assertClose([loss], [alone.loss], CLOSE);
        assertEquals(loss, all[0].loss);
      }
    }
    assertEquals(tf.memory().numTensors, before);
    net.dispose();
  },
);

/** Holds what all processes did against what one did alone. */
function compare(all: readonly Trained[], alone: Trained): void {
  for (const { losses, correct, weights, history } of all) {
    assertClose(losses, alone.losses, CLOSE);
    assertEquals(correct, alone.correct);
    // To the bit.
    assertEquals(losses, all[0].losses);
    weights.forEach((w, i) => assertClose(w, all[0].weights[i], {}));
    assertEquals(history.steps, alone.history.steps);
    assertEquals(history.epochs.length, alone.history.epochs.length);
    for (const [i, epoch] of history.epochs.entries()) {
      const expected = alone.history.epochs[i];
      assertEquals(epoch.trainAccuracy, expected.trainAccuracy);
      assertEquals(epoch.testAccuracy, expected.testAccuracy);
      assertEquals(epoch.learningRate, expected.learningRate);
      assertClose([epoch.loss], [expected.loss], CLOSE);
      if (expected.testLoss === undefined) continue;
      assertClose([epoch.testLoss!], [expected.testLoss], CLOSE);
    }
  }
}
