/** Tests of `fit()` with a schedule, clipping and Adam, on both devices. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { adam } from "../../src/optim/adam.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { cosineRate, warmup } from "../../src/optim/schedule.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { earlyStopping, reduceOnPlateau } from "../../src/train/plateau.ts";
import { fit, type FitOptions } from "../../src/train/fit.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { assertClose } from "../compare.ts";
import { read, use, webgpuTest } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

/** How far one step of `fit` moves the weights, as one vector. */
async function moved(options: FitOptions): Promise<number> {
  const net = tinyNet();
  const weights = () => read(() => net.getWeights().map((w) => tf.clone(w)));
  const before = await weights();
  await fit(net, tinyData({ count: 4 }), options);
  const after = await weights();
  net.dispose();
  let sum = 0;
  before.forEach((list, k) =>
    list.forEach((x, i) => sum += (after[k][i] - x) ** 2)
  );
  return Math.sqrt(sum);
}

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  const precisions = device === "webgpu"
    ? ["float32", "float16"] as const
    : ["float32"] as const;
  for (const precision of precisions) {
    test(`fit() clips gradients of ${precision} by their norm on ${device}`, async () => {
      await use(device);
      const before = tf.memory().numTensors;
      const optimizer = sgd({ learningRate: 1 });
      const free = await moved({ optimizer, precision });
      const step = (clipNorm: number) =>
        moved({ optimizer, precision, clipNorm });
      // A step of SGD is the gradient.
      const small = free / 4;
      assertClose([await step(small)], [small], { relative: 1e-4 });
      assertEquals(await step(100 * free), free);
      assertEquals(tf.memory().numTensors, before);
    });
  }

  test(`fit() goes on to the bit with adam(), a schedule and clipping on ${device}`, async () => {
    await use(device);
    const states: TrainingState[] = [];
    const train = async (resume?: TrainingState) => {
      const net = tinyNet({ rate: 0.3 });
      const optimizer = adam();
      const losses: number[] = [];
      await fit(net, tinyData({ shuffle: true }), {
        epochs: 3,
        optimizer,
        schedule: cosineRate({ learningRate: 0.05, steps: 15 }),
        clipNorm: 0.1,
        resume,
        checkpoints: { everySteps: 1, save: (s) => void states.push(s) },
        callbacks: [{
          async onStepEnd({ loss }) {
            losses.push((await loss.data())[0]);
          },
        }],
      });
      const weights = await read(() =>
        net.getWeights().map((w) => tf.clone(w))
      );
      optimizer.dispose();
      net.dispose();
      return { losses, weights };
    };
    const whole = await train();
    const middle = states.find(({ progress }) => progress.step === 7);
    assert(middle?.others.has("optimizer.step.0"));
    const { losses, weights } = await train(middle);
    assertEquals(losses, whole.losses.slice(7));
    assertEquals(weights, whole.weights);
  });

  test(`fit() with adam(), a schedule and clipping learns, and does not grow the memory, on ${device}`, async () => {
    await use(device);
    const before = tf.memory().numTensors;
    const net = tinyNet();
    const optimizer = adam();
    const inner = cosineRate({ learningRate: 0.05, steps: 25 });
    const schedule = warmup(inner, { steps: 4 });
    const rates: number[] = [];
    const tensors: number[] = [];
    const { epochs } = await fit(net, tinyData(), {
      epochs: 5,
      optimizer,
      schedule,
      clipNorm: 1,
      callbacks: [{
        onStepEnd(_, { optimizer }) {
          rates.push(optimizer.learningRate);
          tensors.push(tf.memory().numTensors);
        },
      }],
    });
    assertEquals(rates, rates.map((_, step) => schedule.rateAt(step)));
    assertEquals(rates.length, 25);
    assertEquals(epochs.map((e) => e.learningRate), [
      ...[4, 9, 14, 19, 24].map((step) => schedule.rateAt(step)),
    ]);
    // In the first step the sums of loss and accuracy are new.
    assertEquals(new Set(tensors.slice(1)).size, 1, `${tensors}`);
    assert(epochs[4].loss < 0.9 * epochs[0].loss, `${epochs[4].loss}`);
    optimizer.dispose();
    net.dispose();
    assertEquals(tf.memory().numTensors, before);
  });
}

Deno.test("fit() trains on with the rate that reduceOnPlateau() sets", async () => {
  await use("cpu");
  const net = tinyNet();
  const optimizer = sgd({ learningRate: 0.1 });
  // No epoch is that much better.
  const plateau = { threshold: 10, patience: 0, factor: 0.5 };
  const { epochs } = await fit(net, tinyData({ count: 8 }), {
    epochs: 4,
    optimizer,
    validation: tinyData({ count: 4 }),
    callbacks: [reduceOnPlateau(plateau)],
  });
  assertEquals(epochs.map((e) => e.learningRate), [0.1, 0.1, 0.05, 0.025]);
  net.dispose();
});

Deno.test("fit() refuses a norm of 0, and to clip for an optimizer that does not", async () => {
  await use("cpu");
  const net = tinyNet();
  const optimizer: Optimizer = { ...sgd(), takesLossScale: false };
  const refused: [option: string, options: FitOptions][] = [
    ["clipNorm", { clipNorm: 0 }],
    ["clipNorm", { clipNorm: NaN }],
    ["optimizer", { clipNorm: 1, optimizer }],
  ];
  for (const [option, options] of refused) {
    const error = await assertRejects(
      () => fit(net, tinyData(), options),
      OptionError,
    );
    assertEquals(error.option, option);
  }
  net.dispose();
});

Deno.test("fit() stays stopped when it goes on after earlyStopping()", async () => {
  await use("cpu");
  const states: TrainingState[] = [];
  const train = async (resume?: TrainingState) => {
    const net = tinyNet();
    // No epoch is that much better.
    const stopping = earlyStopping({ minDelta: 10, patience: 1 });
    const history = await fit(net, tinyData({ count: 8 }), {
      epochs: 9,
      validation: tinyData({ count: 4 }),
      callbacks: [stopping],
      checkpoints: { save: (state) => void states.push(state) },
      resume,
    });
    net.dispose();
    return { ...history, reason: stopping.reason };
  };
  const first = await train();
  assertEquals([first.epochs.length, first.stopped], [2, "stopped"]);
  assertEquals(states.map(({ progress }) => progress.epoch), [2, 3]);
  const second = await train(states[1]);
  assertEquals([second.epochs.length, second.stopped], [2, "stopped"]);
  assertEquals(second.reason, first.reason);
  assertEquals((await train(states[0])).epochs.length, 2);
});
