/**
 * Tests of what processes begin with: all with what process 0 has.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { adam } from "../../src/optim/adam.ts";
import { reduceOnPlateau } from "../../src/train/reduce_on_plateau.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { fit } from "../../src/train/fit.ts";
import { assertClose } from "../compare.ts";
import { read, use } from "../device.ts";
import { inMemory } from "./in_memory.ts";
import { reread } from "./kept_runs.ts";
import { tinyData, tinyNet } from "./tiny.ts";
import {
  type TogetherRun,
  trainAlone,
  trainTogether,
} from "./together_runs.ts";

/** 2 epochs of 5 steps. */
function _run(): TogetherRun {
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
  const run = { ..._run(), net };
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
    ..._run(),
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
  const run = _run();
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
    ..._run(),
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
