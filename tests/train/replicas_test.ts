/**
 * Tests of what processes begin with, and of what less traffic does to training: gradients in float16, and weights that are
 * averaged every few steps.
 */

import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { adam } from "../../src/optim/adam.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { fit } from "../../src/train/fit.ts";
import { reduceOnPlateau } from "../../src/train/plateau.ts";
import { assertClose } from "../compare.ts";
import { read, use } from "../device.ts";
import { nativeTest } from "../native.ts";
import { inMemory } from "./in_memory.ts";
import { reread } from "./kept_runs.ts";
import { CLASSES, tinyData, tinyNet } from "./tiny.ts";
import {
  type TogetherRun,
  trainAlone,
  type Trained,
  trainTogether,
} from "./together_runs.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";

/** Parameters of the tiny network. */
const NUM_PARAMETERS = (3 * 3 * 2 + 2) + (8 * 5 + 5) + (5 * CLASSES + CLASSES);

/** 5 steps an epoch. */
function trainRanks(options: Partial<TogetherRun> = {}): TogetherRun {
  return {
    net: () => tinyNet({ rate: 0.2 }),
    optimizer: () => sgd({ learningRate: 0.5, momentum: 0.5 }),
    data: tinyData({ shuffle: true }),
    validation: tinyData(),
    ...options,
  };
}

/** Copies of tensors, on the host. */
async function valuesOf(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return await read(() => tensors.map((t) => tf.clone(t)));
}

function countSums(calls: readonly string[], length: number): number {
  const sums = `allReduce Float32Array ${length}`;
  return calls.filter((call) => call === sums).length;
}

Deno.test("fit() with syncEvery averages weights and momentum every so many steps and at the end of an epoch", async () => {
  await use("plain");
  const before = tf.memory().numTensors;
  const seen: Float32Array[][][] = [[], []];
  const all = await trainTogether(
    2,
    trainRanks({
      syncEvery: 3,
      epochs: 2,
      own: (rank) => ({
        callbacks: [{
          async onStepEnd(_, { net }) {
            seen[rank].push(await valuesOf(net.getWeights()));
          },
          async onEpochEnd(_, { net, optimizer }) {
            const { velocity } = optimizer.state();
            const values = await valuesOf([...net.getWeights(), ...velocity]);
            seen[rank].push(values);
          },
        }],
      }),
    }),
  );
  // 5 steps and the end of the epoch, twice; the steps count on.
  const alike = seen[0].map((values, i) =>
    JSON.stringify(values) === JSON.stringify(seen[1][i])
  );
  assertEquals(alike.map(Number), [0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1]);
  assertEquals(all[0].weights, all[1].weights);
  assertEquals(all[0].losses, all[1].losses);
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("fit() with syncEvery has the mean of what processes are without each other", async () => {
  await use("plain");
  // No momentum, so that the weights are all there is; no dropout, whose masks depend on the place in the whole batch.
  const run = trainRanks({
    net: () => tinyNet(),
    optimizer: () => sgd({ learningRate: 0.5 }),
    data: tinyData({ count: 15, batchSize: 5, shuffle: true }),
    validation: undefined,
  });
  const parts = await Promise.all([0, 1].map((index) =>
    trainAlone({
      ...run,
      data: {
        [Symbol.asyncIterator]: () =>
          tinyData({ count: 15, batchSize: 5, shuffle: true })
            .batches({ epoch: 0, shard: { index, count: 2 } }),
      },
    })
  ));
  const [together] = await trainTogether(2, { ...run, syncEvery: 3 });
  together.weights.forEach((values, i) => {
    const [a, b] = parts.map(({ weights }) => weights[i]);
    assertClose(values, values.map((_, k) => (a[k] + b[k]) / 2), {
      absolute: 1e-6,
    });
  });
  // Parts of 2 and 3 of 5 images.
  const losses = parts[0].losses.map((loss, step) =>
    0.4 * loss + 0.6 * parts[1].losses[step]
  );
  assertClose(together.losses, losses, { relative: 1e-5 });
});

Deno.test("fit() with syncEvery 3 sends weights every 3 steps, and its loss falls, to at most half as much again as with gradients of each", async () => {
  await use("plain");
  const run = trainRanks({
    epochs: 6,
    net: () => tinyNet(),
    optimizer: () => sgd({ learningRate: 0.5, momentum: 0.9 }),
  });
  const [each] = await trainTogether(2, run);
  const [third] = await trainTogether(2, { ...run, syncEvery: 3 });
  // Weights and momentum, every 3 of the 30 steps, and where an epoch of 5 ends between two of them.
  assertEquals(countSums(each.calls, NUM_PARAMETERS), 30);
  assertEquals(countSums(third.calls, NUM_PARAMETERS), 0);
  assertEquals(countSums(third.calls, 2 * NUM_PARAMETERS), 14);
  // Seen: from 1.09 to 0.31 and to 0.39.
  const [[first, best], [, last]] = [each, third].map(({ history }) => [
    history.epochs[0].testLoss!,
    history.epochs[5].testLoss!,
  ]);
  assert(last < 0.5 * first, `from ${first} to ${last}`);
  assert(last < 1.5 * best, `${last}, not ${best}`);
  assertNotEquals(third.losses, each.losses);
});

Deno.test("fit() with syncEvery works where a process never has an image, with all optimizers", async () => {
  await use("plain");
  for (const optimizer of [() => sgd({ momentum: 0.9 }), () => adam()]) {
    const data = tinyData({ count: 6, batchSize: 2 });
    const options = { data, optimizer, syncEvery: 2, epochs: 2 };
    const all = await trainTogether(3, trainRanks(options));
    for (const { weights, losses } of all) {
      assertEquals(weights, all[0].weights);
      assertEquals(losses, all[0].losses);
    }
  }
});

Deno.test("fit() with syncEvery is the same as alone in one process", async () => {
  await use("plain");
  const run = trainRanks({ data: tinyData({ count: 16 }), syncEvery: 2 });
  const [together] = await trainTogether(1, run);
  assertEquals(together.losses, (await trainAlone(run)).losses);
});

nativeTest(
  "fit() with compression float16 sends half the bytes, and is within 1e-4 of the losses without over 20 steps of LeNet",
  async () => {
    const { train, test } = await loadFashionMnist({
      source: "sample",
      trainSamples: 640,
      testSamples: 100,
      batchSize: 32,
      workers: 0,
    });
    const run: TogetherRun = {
      net: () => lenet({ seed: 1 }),
      optimizer: () => adam({ learningRate: 0.005 }),
      data: train,
      validation: test,
    };
    const [plain] = await trainTogether(2, run);
    const all = await trainTogether(2, { ...run, compression: "float16" });
    const [half] = all;
    checkTraffic(plain, half);
    // Seen: 2e-6.
    assertClose(half.losses, plain.losses, { relative: 1e-4 });
    assertNotEquals(half.losses, plain.losses);
    assertEquals(all[1].losses, half.losses);
    half.weights.forEach((w, i) => assertClose(w, all[1].weights[i], {}));
  },
);

/** 20 steps of 61,706 numbers. */
function checkTraffic(plain: Trained, half: Trained): void {
  const count = ({ calls }: Trained, type: string) =>
    calls.filter((call) => call === `allReduce ${type} 61706`).length;
  assertEquals(count(plain, "Float32Array"), 20);
  assertEquals(count(half, "Float16Array"), 20);
  assertEquals(count(half, "Float32Array"), 0);
}

/** 2 epochs of 5 steps. */
function sharedRun(): TogetherRun {
  return {
    net: () => tinyNet({ rate: 0.3, seed: 2 }),
    optimizer: () => adam({ learningRate: 0.02 }),
    data: tinyData({ shuffle: true, seed: 4 }),
    validation: tinyData({ count: 7 }),
    epochs: 2,
  };
}

Deno.test("fit() has all processes begin with the weights of process 0", async () => {
  await use("plain");
  // Without dropout, whose masks are of the seed.
  const net = (rank: number) => tinyNet({ seed: 2 + rank });
  const run = { ...sharedRun(), net };
  const [same, others] = [
    await trainTogether(3, { ...run, net: () => net(0) }),
    await trainTogether(3, run),
  ];
  for (const { losses, weights } of others) {
    assertEquals(losses, same[0].losses);
    assertEquals(weights, same[0].weights);
  }
  const other = await trainAlone({ ...run, net: () => net(1) });
  assertNotEquals(other.losses, same[0].losses);
});

Deno.test("fit() refuses another seed than that of process 0 where there is dropout", async () => {
  await use("plain");
  const run = {
    ...sharedRun(),
    net: (rank: number) => tinyNet({ rate: 0.3, seed: 2 + rank }),
  };
  await assertRejects(
    () => trainTogether(2, run),
    OptionError,
    "Cannot use seed as it must be 2, as the network of process 0 has, for the same dropout in all processes: current value is 3",
  );
});

Deno.test("fit() has all processes begin with what the optimizer of process 0 kept", async () => {
  await use("plain");
  const train = async (rank: number, momenta: readonly number[]) => {
    const net = tinyNet();
    const optimizer = sgd({ learningRate: 0.5, momentum: 0.9 });
    // What it trained before, in each process on its own.
    for (let i = 0; i < momenta[rank]; i++) {
      await fit(net, tinyData({ count: 4 }), { optimizer });
    }
    return { net, optimizer };
  };
  for (const momenta of [[1, 1], [2, 0], [0, 1]]) {
    const parts = await Promise.all([0, 1].map((rank) => train(rank, momenta)));
    const weights = await Promise.all(
      inMemory(2).map(async (communicator, rank) => {
        const { net, optimizer } = parts[rank];
        await fit(net, tinyData(), { communicator, optimizer });
        const values = await read(() =>
          net.getWeights().map((w) => tf.clone(w))
        );
        optimizer.dispose();
        net.dispose();
        return values;
      }),
    );
    assertEquals(weights[1], weights[0], `after ${momenta} runs`);
  }
});

Deno.test("fit() goes on from a state of process 0 with another number of processes", async () => {
  await use("plain");
  const run = sharedRun();
  const whole = await trainAlone(run);
  for (const [before, after] of [[1, 3], [3, 2], [2, 0]]) {
    const [first] = await trainTogether(before, { ...run, isKept: true });
    for (const [epoch, step] of [[1, 3], [2, 5]]) {
      const state = first.states.find(({ progress }) =>
        progress.epoch === epoch && progress.step === step
      );
      assert(state, `a state at step ${step} of epoch ${epoch}`);
      const all = await trainTogether(after, {
        ...run,
        own: (rank) => rank === 0 ? { resume: reread(state) } : {},
      });
      for (const { losses, history, weights } of all) {
        assertClose(losses, whole.losses.slice(step), { relative: 1e-5 });
        assertEquals(weights, all[0].weights);
        assertEquals(history.steps, 10);
        assertEquals(
          history.epochs.map(({ testAccuracy }) => testAccuracy),
          whole.history.epochs.map(({ testAccuracy }) => testAccuracy),
        );
      }
    }
  }
});

Deno.test("fit() gives all processes what callbacks of process 0 said", async () => {
  await use("plain");
  const run: TogetherRun = {
    ...sharedRun(),
    optimizer: () => sgd({ learningRate: 0.1 }),
    // No epoch is that much better.
    own: () => ({
      callbacks: [reduceOnPlateau({ threshold: 10, patience: 1, factor: 0.5 })],
    }),
    epochs: 4,
  };
  const [whole] = await trainTogether(2, { ...run, isKept: true });
  const rates = whole.history.epochs.map(({ learningRate }) => learningRate);
  assertEquals(new Set(rates).size > 1, true);
  const state = whole.states.findLast(({ progress }) => progress.epoch === 3);
  const all = await trainTogether(2, {
    ...run,
    own: (rank) => ({
      ...run.own!(rank),
      resume: rank === 0 ? reread(state!) : undefined,
    }),
  });
  for (const { history, losses } of all) {
    assertEquals(
      history.epochs.map(({ learningRate }) => learningRate),
      rates,
    );
    assertEquals(losses, whole.losses.slice(state!.progress.step));
  }
});
