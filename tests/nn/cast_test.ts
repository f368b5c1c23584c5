/**
 * Tests of what tensors hold: those cast to float32, whose memory TensorFlow.js leaves as it was while our kernels read
 * memory, and those that are not float32 at all.
 */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type Tensor, type Tensor4D, tf } from "../../src/device/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { softmaxCrossEntropy } from "../../src/nn/loss.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { read, use, webgpuTest } from "../device.ts";

const CONTEXT = {
  training: true,
  seed: 1,
  step: 0,
  firstImage: 0,
  layerIndex: 0,
  needsInputGradient: true,
};

/** Small integers, as float32 memory and as int32 memory that is called float32. */
function makeBoth(shape: number[]): [floats: Tensor, cast: Tensor] {
  const values = Array.from(
    { length: shape.reduce((a, b) => a * b) },
    (_, i) => i % 7 - 3,
  );
  return [
    tf.tensor(values, shape, "float32"),
    tf.cast(tf.tensor(values, shape, "int32"), "float32"),
  ];
}

const LAYERS: Record<string, Layer> = {
  "conv2d()": conv2d({ filters: 3, kernelSize: 2 }),
  "averagePool2d()": averagePool2d({ poolSize: 2 }),
  "maxPool2d()": maxPool2d({ poolSize: 2 }),
  "dropout()": dropout({ rate: 0.5 }),
};

for (const [name, layer] of Object.entries(LAYERS)) {
  webgpuTest(
    `${name} takes what was cast from int32, weights too`,
    async () => {
      await use("webgpu");
      const shapes = layer.weights([4, 5, 2]).map((w) => [...w.shape]);
      const [floats, cast] = await read(() => {
        const both = [[2, 4, 5, 2], ...shapes].map(makeBoth);
        return [0, 1].map((i) => {
          const [x, ...weights] = both.map((tensors) => tensors[i]);
          return layer.apply(x, weights, CONTEXT);
        });
      });
      assertEquals(cast, floats);
      assertNotEquals(floats, new Float32Array(floats.length));
    },
  );
}

webgpuTest(
  "predict(), softmaxCrossEntropy() and sgd() take what was cast",
  async () => {
    await use("webgpu");
    const net = new Sequential({
      inputShape: [3, 3, 1],
      layers: [flatten(), dense({ units: 4 })],
    });
    const results: Float32Array[][] = [];
    for (const i of [0, 1]) {
      net.setWeights([[9, 4], [4]].map((shape) => makeBoth(shape)[i]));
      results.push(
        await read(() => {
          const logits = net.predict(makeBoth([5, 3, 3, 1])[i] as Tensor4D);
          const loss = softmaxCrossEntropy(
            makeBoth([2, 4])[i] as typeof logits,
            tf.tensor1d([0, 3], "int32"),
          );
          const gradients = [[9, 4], [4]].map((shape) => makeBoth(shape)[i]);
          sgd({ learningRate: 0.5 }).apply(net.getWeights(), gradients);
          return [logits, loss, ...net.getWeights().map((w) => tf.clone(w))];
        }),
      );
    }
    assertEquals(results[1], results[0]);
    net.dispose();
  },
);

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`predict() and setWeights() refuse what is not float32, on ${device}`, async () => {
    await use(device);
    const net = lenet();
    const images = tf.zeros([1, 28, 28, 1], "int32") as Tensor4D;
    assertThrows(
      () => net.predict(images),
      ShapeError,
      "Cannot use images of type int32: expected float32",
    );
    const before = net.getWeights().map((w) => w.dataId);
    const values = net.getWeights().map((w) => tf.zeros(w.shape, "int32"));
    assertThrows(() => net.setWeights(values), ShapeError, "int32 of shape");
    assertEquals(net.getWeights().map((w) => w.dataId), before);
    tf.dispose([images, values]);
    net.dispose();
  });
}
