/** Tests of the plain loops that AlexNet is held against, on the CPU backend of tfjs. */

import { assertEquals } from "@std/assert";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tf,
} from "../../src/device/tf.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { softmaxCrossEntropy } from "../../src/nn/loss.ts";
import { maxPool2d } from "../../src/nn/pooling.ts";
import { sizeOf } from "../../src/nn/shape.ts";
import { assertCloseTensor } from "../compare.ts";
import { read, use } from "../device.ts";
import { numbers } from "../numbers.ts";
import type { Values } from "./reference.ts";
import * as reference from "./reference.ts";

/** Rounding of float32 sums of at most 300 terms. */
const RELATIVE = 2e-6;

const CONVOLUTIONS = [
  { size: 23, kernelSize: 11, stride: 4, before: 0, padding: "valid" },
  { size: 6, kernelSize: 5, stride: 1, before: 2, padding: "same" },
  { size: 5, kernelSize: 3, stride: 1, before: 1, padding: "same" },
] as const;
for (const { size, kernelSize, stride, before, padding } of CONVOLUTIONS) {
  Deno.test(`reference.conv2d() ${kernelSize}/${stride} ${padding} is that of tfjs`, async () => {
    const layer = conv2d({ filters: 4, kernelSize, strides: stride, padding });
    const x = valuesOf([2, size, size, 3], 0);
    const kernel = valuesOf([kernelSize, kernelSize, 3, 4], 1);
    const bias = valuesOf([4], 2);
    const outSize = layer.outputShape([size, size, 3])[0];
    const dy = valuesOf([2, outSize, outSize, 4], 3);
    const place = { stride, before, size: outSize };
    const y = reference.conv2d(x, [kernel, bias], place);
    const { dx, dKernel, dBias } = reference.conv2dGradients(
      x,
      kernel,
      dy,
      place,
    );
    await compare(layer, [x, kernel, bias], dy, [
      y.data,
      dx.data,
      dKernel,
      dBias,
    ]);
  });
}

Deno.test("reference.dense() is that of tfjs", async () => {
  const [x, kernel, bias, dy] = [[3, 7], [7, 5], [5], [3, 5]].map(valuesOf);
  const { dx, dKernel, dBias } = reference.denseGradients(x, kernel, dy);
  await compare(dense({ units: 5 }), [x, kernel, bias], dy, [
    reference.dense(x, [kernel, bias]).data,
    dx.data,
    dKernel,
    dBias,
  ]);
});

Deno.test("reference.maxPool2d() is that of tfjs", async () => {
  const x = valuesOf([2, 8, 8, 3], 0);
  const dy = valuesOf([2, 3, 3, 3], 1);
  const { data, positions } = reference.maxPool2d(x, { size: 3, stride: 2 });
  const dx = new Float64Array(x.data.length);
  positions.forEach((position, i) => dx[position] += dy.data[i]);
  const layer = maxPool2d({ poolSize: 3, strides: 2 });
  await compare(layer, [x], dy, [data, dx]);
});

Deno.test("reference.softmaxCrossEntropy() is that of tfjs", async () => {
  await use("cpu");
  const logits = valuesOf([3, 4], 0);
  const labels = [3, 0, 2];
  const { loss, gradient } = reference.softmaxCrossEntropy(logits, labels);
  const values = await read(() => {
    const z = tf.tensor2d(Float32Array.from(logits.data), [3, 4]);
    const target = tf.tensor1d(labels, "int32") as Tensor1D;
    const compute = (z: Tensor) => softmaxCrossEntropy(z as Tensor2D, target);
    return [compute(z), tf.grad(compute)(z)];
  });
  assertCloseTensor(values[0], [loss], { relative: RELATIVE });
  assertCloseTensor(values[1], gradient.data, { relative: RELATIVE });
});

function valuesOf(shape: number[], seed: number): Values {
  return { shape, data: numbers(sizeOf(shape), [-1, 1], seed) };
}

async function compare(
  layer: Layer,
  inputs: Values[],
  dy: Values,
  actual: Values["data"][],
): Promise<void> {
  await use("cpu");
  const context = { training: true, seed: 0, step: 0, firstImage: 0 };
  const apply = (x: Tensor, ...weights: Tensor[]) =>
    layer.apply(x, weights, {
      ...context,
      layerIndex: 0,
      needsInputGradient: true,
    });
  const toTensor = ({ data, shape }: Values) =>
    tf.tensor(Float32Array.from(data), [...shape]);
  const expected = await read(() => {
    const tensors = inputs.map(toTensor);
    return [
      apply(tensors[0], ...tensors.slice(1)),
      ...tf.grads(apply)(tensors, toTensor(dy)),
    ];
  });
  assertEquals(actual.length, expected.length);
  actual.forEach((values, i) =>
    assertCloseTensor(values, expected[i], { relative: RELATIVE })
  );
}
