/**
 * A test of somebody else's program: a `LayersModel` of TensorFlow.js, trained with `model.fit` on our kernels.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Sequential } from "@tensorflow/tfjs-layers";
import { tf } from "../../src/backend/tf.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

const IMAGES = 24;
const CLASSES = 4;

webgpuTest(
  "registerKernels() trains a LayersModel as the CPU backend does",
  async () => {
    const cpu = await _train("cpu");
    const webgpu = await _train("webgpu", cpu.firstWeights);
    assertEquals(webgpu.losses.length, 6);
    assert(cpu.losses[5] < 0.9 * cpu.losses[0], `it learns: ${cpu.losses}`);
    // The rounding errors of six steps.
    assertClose(webgpu.losses, cpu.losses, { relative: 1e-4, what: "losses" });
  },
);

/** Trains for two epochs of three batches, from the same weights if they are given. */
async function _train(
  device: "cpu" | "webgpu",
  weights?: Float32Array[],
): Promise<{ losses: number[]; firstWeights: Float32Array[] }> {
  await use(device);
  const before = tf.memory().numTensors;
  const model = await _model();
  const tensors = model.getWeights();
  if (weights !== undefined) {
    const values = weights.map((w, i) => tf.tensor(w, tensors[i].shape));
    model.setWeights(values);
    tf.dispose(values);
  }
  const firstWeights = await Promise.all(
    model.getWeights().map(async (w) => Float32Array.from(await w.data())),
  );
  const x = tf.tensor(numbers(IMAGES * 12 * 10 * 3), [IMAGES, 12, 10, 3]);
  const y = tf.oneHot(labelsUpTo(IMAGES, CLASSES), CLASSES);
  const losses: number[] = [];
  await model.fit(x, y, {
    epochs: 2,
    batchSize: 8,
    shuffle: false,
    verbose: 0,
    callbacks: {
      onBatchEnd: (_, logs) => {
        losses.push(logs!.loss);
        return Promise.resolve();
      },
    },
  });
  tf.dispose([x, y]);
  model.dispose();
  assertEquals(tf.memory().numTensors, before, `tensors left on ${device}`);
  return { losses, firstWeights };
}

async function _model(): Promise<Sequential> {
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
    optimizer: tf.train.sgd(0.1),
    loss: "categoricalCrossentropy",
  });
  return model;
}
