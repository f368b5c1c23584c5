/** Somebody else's program: a `LayersModel` of TensorFlow.js, trained with `model.fit`. */

import { assert, assertEquals } from "@std/assert";
import type { Sequential } from "@tensorflow/tfjs-layers";
import { tf } from "../../../src/device/tf.ts";
import { assertClose } from "../../compare.ts";
import { labelsUpTo, numbers } from "../../numbers.ts";

const IMAGES = 24;
const BATCHES = 3;
const EPOCHS = 4;
const CLASSES = 4;

/** Asserts that two trainings were the same, and learned. */
export function assertSameTraining(
  actual: readonly number[],
  expected: readonly number[],
): void {
  assertEquals(actual.length, EPOCHS * BATCHES);
  const sum = (epoch: number) =>
    expected.slice(epoch * BATCHES, (epoch + 1) * BATCHES)
      .reduce((sum, loss) => sum + loss);
  assert(sum(EPOCHS - 1) < 0.9 * sum(0), `it learns: ${expected}`);
  // The rounding errors of a few steps.
  assertClose(actual, expected, { relative: 1e-4, what: "losses" });
}

/** Trains on the device in use, from the same weights in every run, and gives the loss of each batch. */
export async function trainLayersModel(): Promise<number[]> {
  const before = tf.memory().numTensors;
  const model = await makeModel();
  const weights = model.getWeights().map(({ shape }, i) => {
    const size = shape.reduce((product, n) => product * n);
    const largest = shape.length === 1
      ? 0.1
      : Math.sqrt(3 * shape.at(-1)! / size);
    return tf.tensor(numbers(size, [-largest, largest], i), shape);
  });
  model.setWeights(weights);
  const x = tf.tensor(numbers(IMAGES * 12 * 10 * 3), [IMAGES, 12, 10, 3]);
  const y = tf.oneHot(labelsUpTo(IMAGES, CLASSES), CLASSES);
  const losses: number[] = [];
  await model.fit(x, y, {
    epochs: EPOCHS,
    batchSize: IMAGES / BATCHES,
    shuffle: false,
    verbose: 0,
    callbacks: {
      onBatchEnd: (_, logs) => {
        losses.push(logs!.loss);
        return Promise.resolve();
      },
    },
  });
  tf.dispose([x, y, weights]);
  model.dispose();
  model.optimizer.dispose();
  assertEquals(tf.memory().numTensors, before, "tensors left");
  return losses;
}

async function makeModel(): Promise<Sequential> {
  const { layers, sequential } = await import("@tensorflow/tfjs-layers");
  const model = sequential({
    layers: [
      layers.conv2d({
        inputShape: [12, 10, 3],
        filters: 6,
        kernelSize: 3,
        padding: "same",
        activation: "relu",
      }),
      layers.maxPooling2d({ poolSize: 3, strides: 2 }),
      layers.conv2d({ filters: 8, kernelSize: [3, 2], activation: "relu" }),
      layers.flatten(),
      layers.dense({ units: 16, activation: "relu" }),
      layers.dense({ units: CLASSES, activation: "softmax" }),
    ],
  });
  model.compile({
    optimizer: tf.train.sgd(0.05),
    loss: "categoricalCrossentropy",
  });
  return model;
}
