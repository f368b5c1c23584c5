/**
 * Tests of the learning-rate finder: that it tries what it says, ends where it should, and leaves the network as it was; and
 * of the learning rates that it suggests.
 */

import { tf } from "../../src/device/tf.ts";
import { DataError, OptionError } from "../../src/errors.ts";
import { adam } from "../../src/optim/adam.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import { fit } from "../../src/train/fit.ts";
import {
  findLearningRate,
  type LearningRateOptions,
  suggestLearningRates,
} from "../../src/train/lr_finder.ts";
import { assertClose } from "../compare.ts";
import { read, use, webgpuTest } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`findLearningRate() tries rising rates and leaves the network as it was on ${device}`, async () => {
    await use(device);
    const net = tinyNet({ rate: 0.2 });
    const weights = () => read(() => net.getWeights().map((w) => tf.clone(w)));
    const [before, tensors] = [await weights(), tf.memory().numTensors];
    const used: number[] = [];
    const { points, isDiverged, suggestions } = await findLearningRate(
      net,
      tinyData(),
      {
        start: 1e-4,
        end: 1,
        steps: 21,
        optimizer(options) {
          const inner = sgd({ ...options, momentum: 0.9 });
          const optimizer: Optimizer = {
            ...inner,
            apply(...args) {
              inner.learningRate = optimizer.learningRate;
              used.push(optimizer.learningRate);
              inner.apply(...args);
            },
          };
          return optimizer;
        },
      },
    );
    assertEquals(isDiverged, false);
    const rates = Array.from({ length: 21 }, (_, i) => 10 ** (i / 5 - 4));
    assertClose(used, rates, { relative: 1e-9 });
    assertEquals(points.map(({ learningRate }) => learningRate), used);
    assertEquals(points.map(({ step }) => step), [...used.keys()]);
    points.forEach(({ smoothedLoss }, i) => {
      // The weighted mean, by its definition.
      const terms = points.slice(0, i + 1).map(({ loss }, k) =>
        [loss, 0.98 ** (i - k)] as const
      );
      const sum = terms.reduce((s, [loss, weight]) => s + loss * weight, 0);
      const all = terms.reduce((s, [, weight]) => s + weight, 0);
      assertClose([smoothedLoss], [sum / all], { relative: 1e-9 });
    });
    assert(suggestions !== undefined);
    assertEquals(await weights(), before);
    assertEquals(tf.memory().numTensors, tensors);
    net.dispose();
  });
}

Deno.test("findLearningRate() takes the loss of each batch as fit() does", async () => {
  await use("cpu");
  const net = tinyNet();
  const { points } = await findLearningRate(net, tinyData(), {
    start: 0.1,
    end: 0.1 + 1e-9,
    steps: 10,
  });
  const losses: number[] = [];
  await fit(net, tinyData(), {
    epochs: 2,
    optimizer: sgd({ learningRate: 0.1 }),
    callbacks: [{
      async onStepEnd({ loss }) {
        losses.push((await loss.data())[0]);
      },
    }],
  });
  assertClose(points.map(({ loss }) => loss), losses, { relative: 1e-5 });
  net.dispose();
});

Deno.test("findLearningRate() ends when the loss diverges, and has rates of which training learns", async () => {
  await use("cpu");
  const net = tinyNet();
  const { points, isDiverged, suggestions } = await findLearningRate(
    net,
    tinyData({ count: 60 }),
    { optimizer: adam, start: 1e-5, end: 1e4 },
  );
  assert(isDiverged && points.length < 100, `${points.length} points`);
  const least = Math.min(...points.map((p) => p.smoothedLoss));
  for (const { smoothedLoss } of points.slice(0, -1)) {
    assert(smoothedLoss <= 4 * least);
  }
  const optimizer = adam({ learningRate: suggestions!.valley });
  const { epochs } = await fit(net, tinyData({ count: 60 }), {
    epochs: 3,
    optimizer,
  });
  assert(epochs[2].loss < 0.7 * epochs[0].loss, `${epochs[2].loss}`);
  optimizer.dispose();
  net.dispose();
});

Deno.test("findLearningRate() has no suggestions where the loss is not finite at once, and frees its own", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  const { points, isDiverged, suggestions } = await findLearningRate(
    net,
    tinyData(),
    { start: 1e37, end: 1e38 },
  );
  assert(isDiverged && points.length < 10, `${points.length} points`);
  assertEquals(suggestions, undefined);
  const stop = () => {
    throw new Error("enough");
  };
  await assertRejects(
    () => findLearningRate(net, tinyData(), { onStep: stop }),
    Error,
    "enough",
  );
  const empty: BatchSource = { async *[Symbol.asyncIterator]() {} };
  await assertRejects(() => findLearningRate(net, empty), DataError);
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

const REFUSED: LearningRateOptions[] = [
  { start: 0 },
  { end: 1e-8 },
  { end: NaN },
  { steps: 9 },
];
for (const options of REFUSED) {
  const [[option, value]] = Object.entries(options);
  Deno.test(`findLearningRate() refuses ${option} ${value}`, async () => {
    await use("cpu");
    const net = tinyNet();
    const error = await assertRejects(
      () => findLearningRate(net, tinyData(), options),
      OptionError,
    );
    assertEquals([error.option, error.value], [option, value]);
    net.dispose();
  });
}

/** Learning rates 1, 2, 4 and so on, of which the first two and the last five do not count. */
function suggest(losses: readonly number[]) {
  const all = [9, 9, ...losses, 9, 9, 9, 9, 9];
  const points = all.map((smoothedLoss, i) => ({
    learningRate: 2 ** (i - 2),
    smoothedLoss,
  }));
  return suggestLearningRates(points, { steps: 20 });
}

Deno.test("suggestLearningRates() finds the steepest fall and a tenth of the minimum", () => {
  const { steepest, minimum } = suggest([5, 4.9, 4.5, 3, 2.8, 2.7, 4])!;
  assertEquals([steepest, minimum], [2 ** 2, 2 ** 5 / 10]);
});

/** Indices that fastai's `valley` gives, worked out by hand: first of the section, its thirds and halves of thirds. */
const VALLEYS: [losses: readonly number[], index: number][] = [
  // 6 points that end at 6: 6 - 6 + 2 + 1.
  [[5, 5, 4, 3, 2.5, 2, 1, 3], 3],
  // 9 points from 3 to 12, one of them not in the subsequence: 12 - 9 + 3 + 1.
  [[5, 5, 5, 5, 4.9, 4.5, 4, 4.2, 3.5, 3, 2.5, 2, 1.8, 4], 7],
  // 3 points that end at 2: 2 - 3 + 1 + 0.
  [[3, 2, 1], 0],
  // 1 point that ends at 0, which is none before the first.
  [[1, 2, 3], 0],
];
for (const [losses, index] of VALLEYS) {
  Deno.test(`suggestLearningRates() finds the valley of ${losses}`, () => {
    assertClose([suggest(losses)!.valley], [2 ** index], {});
  });
}

Deno.test("suggestLearningRates() says nothing of fewer than three points", () => {
  assertEquals(suggest([2, 1]), undefined);
  assertEquals(suggestLearningRates([], { steps: 20 }), undefined);
});
