/** Tests of the training step: its gradient against differences of its loss, and what it owns. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import {
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tf,
} from "../../src/device/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertClose, assertCloseTensor } from "../compare.ts";
import { read, use } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";
import { CLASSES, SIZE, tinyNet } from "./tiny.ts";
import * as reference from "../models/reference.ts";

const BATCH = 4;

function makeBatch(): { images: Tensor4D; labels: Tensor1D } {
  return {
    images: tf.tensor4d(numbers(BATCH * SIZE * SIZE), [BATCH, SIZE, SIZE, 1]),
    labels: tf.tensor1d(labelsUpTo(BATCH, CLASSES), "int32"),
  };
}

async function stepOf(net: Sequential, step: number): Promise<Float32Array[]> {
  return await read(() => {
    const { images, labels } = makeBatch();
    const results = lossAndGradients(net, images, labels, { step });
    return [results.loss, results.correct, ...results.gradients];
  });
}

for (const rate of [0, 0.5]) {
  Deno.test(`lossAndGradients() is the slope of the loss, dropout ${rate}`, async () => {
    await use("cpu");
    const net = tinyNet({ rate, seed: 1 });
    const values = net.getWeights().map(({ size }, i) =>
      numbers(size, [-2, 2], i)
    );
    net.setWeights(values);
    const [, , ...gradients] = await stepOf(net, 7);
    // The error of a central difference is h^2 times the third derivative, and the rounding of the loss over h.
    const h = 1e-2;
    for (const [i, value] of values.entries()) {
      const slopes = new Float64Array(value.length);
      for (let k = 0; k < value.length; k++) {
        const losses: number[] = [];
        for (const sign of [1, -1]) {
          const moved = value.slice();
          moved[k] += sign * h;
          net.setWeights(values.with(i, moved));
          losses.push((await stepOf(net, 7))[0][0]);
        }
        slopes[k] = (losses[0] - losses[1]) / (2 * h);
      }
      assertClose(gradients[i], slopes, {
        absolute: 1e-4,
        what: `gradient of ${net.weightNames()[i]}`,
      });
      assert(slopes.some((slope) => Math.abs(slope) > 2e-3), "no slope");
    }
    net.dispose();
  });
}

Deno.test("lossAndGradients() has the mean loss and the correct count of the logits", async () => {
  await use("cpu");
  const net = tinyNet();
  const [logits] = await read(() => [net.predict(makeBatch().images)]);
  const labels = labelsUpTo(BATCH, CLASSES);
  const { loss } = reference.softmaxCrossEntropy(
    { data: logits, shape: [BATCH, CLASSES] },
    labels,
  );
  const expected = [...labels].filter((label, n) => {
    const row = logits.subarray(n * CLASSES, (n + 1) * CLASSES);
    return row[label] === Math.max(...row);
  }).length;
  const [actual, correct] = await stepOf(net, 0);
  assertClose(actual, [loss], { relative: 1e-6 });
  assertEquals(correct[0], expected);
  net.dispose();
});

Deno.test("lossAndGradients() has the same dropout for the same step, another for the next", async () => {
  await use("cpu");
  const net = tinyNet({ rate: 0.5 });
  const first = await stepOf(net, 0);
  assertEquals(await stepOf(net, 0), first);
  assertNotEquals(await stepOf(net, 1), first);
  const results = await read(() => {
    const { images, labels } = makeBatch();
    return lossAndGradients(net, images, labels).gradients;
  });
  assertCloseTensor(results[0], first[2], { relative: 0 });
  net.dispose();
});

Deno.test("lossAndGradients() keeps batch and weights, and gives gradients like the weights", async () => {
  await use("cpu");
  const net = tinyNet({ rate: 0.5 });
  const { images, labels } = makeBatch();
  const before = tf.memory().numTensors;
  const weights = await read(() => net.getWeights().map((w) => tf.clone(w)));
  const results = lossAndGradients(net, images, labels);
  const { loss, correct, gradients } = results;
  assertEquals(tf.memory().numTensors, before + 2 + weights.length);
  assertEquals([loss.shape, loss.dtype], [[], "float32"]);
  assertEquals([correct.shape, correct.dtype], [[], "int32"]);
  assertEquals(
    gradients.map(({ shape }) => shape),
    net.getWeights().map(({ shape }) => shape),
  );
  assert(!images.isDisposed && !labels.isDisposed);
  assertEquals(
    await read(() => net.getWeights().map((w) => tf.clone(w))),
    weights,
  );
  tf.dispose([loss, correct, ...gradients, images, labels]);
  net.dispose();
});

Deno.test("lossAndGradients() refuses images and labels that do not fit", async () => {
  await use("cpu");
  const net = tinyNet();
  const { images, labels } = makeBatch();
  const before = tf.memory().numTensors;
  const column: Tensor = tf.zeros([BATCH, 1], "int32");
  const cases: [images: Tensor4D, labels: Tensor1D, message: string][] = [
    [
      tf.zeros([BATCH, SIZE, SIZE, 3]),
      labels,
      "the network takes [batch, 6, 6, 1]",
    ],
    [
      images,
      tf.zeros([BATCH - 1], "int32"),
      "expected int32 [4], one per image",
    ],
    [images, tf.zeros([BATCH], "float32"), "type float32: expected int32"],
    [images, column as Tensor1D, "labels of shape [4,1]"],
  ];
  for (const [images, labels, message] of cases) {
    assertThrows(
      () => lossAndGradients(net, images, labels),
      ShapeError,
      message,
    );
  }
  tf.dispose([cases[0][0], ...cases.slice(1).map(([, labels]) => labels)]);
  assertEquals(tf.memory().numTensors, before);
  tf.dispose([images, labels]);
  net.dispose();
});
