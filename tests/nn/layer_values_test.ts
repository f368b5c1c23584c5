/**
 * Tests of layers on cases small enough to work out by hand, on both devices.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { relu, sigmoid } from "../../src/nn/activation.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { assertClose } from "../compare.ts";
import { read, use, webgpuTest } from "../device.ts";

type Array4 = number[][][][];

/** An image of one channel, from its rows. */
const image = (...rows: number[][]): Array4 => [
  rows.map((row) => row.map((value) => [value])),
];

interface Case {
  what: string;
  layer: Layer;
  x: Array4 | number[][];
  weights?: (Array4 | number[][] | number[])[];
  y: number[];
  /** Gradient of the sum of the outputs for the input. */
  dx?: number[];
}

const FIVE = image(
  [1, 2, 3, 4, 5],
  [9, 8, 7, 6, 5],
  [0, 1, 0, 1, 0],
  [2, 2, 8, 2, 3],
  [4, 4, 4, 4, 1],
);

const CASES: Case[] = [
  {
    what: "maxPool2d() 3/2 takes the largest of overlapping windows",
    layer: maxPool2d({ poolSize: 3, strides: 2 }),
    x: FIVE,
    y: [9, 7, 8, 8],
    // The 8 is in two windows.
    dx: [
      ...[0, 0, 0, 0, 0],
      ...[1, 0, 1, 0, 0],
      ...[0, 0, 0, 0, 0],
      ...[0, 0, 2, 0, 0],
      ...[0, 0, 0, 0, 0],
    ],
  },
  {
    what: "maxPool2d() same pads with nothing, not with zeros",
    layer: maxPool2d({ poolSize: 2, padding: "same" }),
    x: image([-5, -4, -3], [-6, -7, -8], [-9, -11, -1]),
    y: [-4, -3, -9, -1],
    dx: [0, 1, 1, 0, 0, 0, 1, 0, 1],
  },
  {
    what: "averagePool2d() takes the mean and spreads its gradient",
    layer: averagePool2d({ poolSize: 2 }),
    x: image([1, 2, 3, 4, 9], [3, 6, 5, 8, 9]),
    y: [3, 5],
    dx: [0.25, 0.25, 0.25, 0.25, 0, 0.25, 0.25, 0.25, 0.25, 0],
  },
  {
    what: "averagePool2d() same does not count the padding",
    layer: averagePool2d({ poolSize: 2, padding: "same" }),
    x: image([1, 2, 3], [3, 6, 5], [4, 8, 9]),
    y: [3, 4, 6, 9],
  },
  {
    what: "conv2d() 1x1 mixes channels",
    layer: conv2d({ filters: 3, kernelSize: 1 }),
    x: [[[[1, 2], [3, 4]]]],
    weights: [[[[[1, 0, 2], [0, 1, -1]]]], [10, 20, 30]],
    y: [11, 22, 30, 13, 24, 32],
    dx: [3, 0, 3, 0],
  },
  {
    what: "conv2d() does not turn its kernel round",
    layer: conv2d({ filters: 1, kernelSize: [1, 2] }),
    x: image([1, 10, 100]),
    weights: [[[[[1]], [[2]]]], [0]],
    y: [21, 210],
    dx: [1, 3, 2],
  },
  {
    what: "conv2d() same with stride 2 pads below and on the right first",
    layer: conv2d({
      filters: 1,
      kernelSize: 3,
      strides: 2,
      padding: "same",
    }),
    x: image([1, 2], [3, 4]),
    weights: [
      [[[[1]], [[10]], [[0]]], [[[100]], [[1000]], [[0]]], [
        [[0]],
        [[0]],
        [[0]],
      ]],
      [0],
    ],
    y: [1 + 20 + 300 + 4000],
    dx: [1, 10, 100, 1000],
  },
  {
    what: "conv2d() applies its activation after the bias",
    layer: conv2d({ filters: 1, kernelSize: 1, activation: "relu" }),
    x: image([1, 3]),
    weights: [[[[[1]]]], [-2]],
    y: [0, 1],
    dx: [0, 1],
  },
  {
    what: "dense() multiplies and adds",
    layer: dense({ units: 2, activation: "relu" }),
    x: [[1, 2, 3], [0, 1, 0]],
    weights: [[[1, -1], [2, -2], [3, -3]], [0.5, 0.25]],
    y: [14.5, 0, 2.5, 0],
    dx: [1, 2, 3, 1, 2, 3],
  },
  {
    what: "flatten() keeps the order",
    layer: flatten(),
    x: [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]],
    y: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  {
    what: "relu() cuts at zero",
    layer: relu(),
    x: [[-1, 0, 2]],
    y: [0, 0, 2],
    dx: [0, 0, 1],
  },
  {
    what: "sigmoid() is symmetric and does not overflow",
    layer: sigmoid(),
    x: [[-100, -1, 0, 1, 100]],
    y: [0, 1 / (1 + Math.E), 0.5, Math.E / (1 + Math.E), 1],
    dx: [0, 0.19661193324, 0.25, 0.19661193324, 0],
  },
];

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  for (const { what, layer, x, weights = [], y, dx } of CASES) {
    test(`${what} on ${device}`, async () => {
      await use(device);
      let shape: number[] = [];
      const values = await read(() => {
        const tensors = weights.map((w) => tf.tensor(w));
        const apply = (input: Tensor) => layer.apply(input, tensors, CONTEXT);
        const input = tf.tensor(x);
        const output = apply(input);
        shape = output.shape.slice(1);
        return [tf.clone(output), tf.grad((t) => tf.sum(apply(t)))(input)];
      });
      assertEquals(shape, [...layer.outputShape(tf.tensor(x).shape.slice(1))]);
      // Sums of few numbers: a few units in the last place.
      assertClose(values[0], y, { relative: 1e-6, absolute: 1e-7 });
      if (dx) assertClose(values[1], dx, { relative: 1e-6, absolute: 1e-7 });
    });
  }
}

const CONTEXT = {
  training: true,
  seed: 0,
  step: 0,
  firstImage: 0,
  layerIndex: 0,
  needsInputGradient: true,
};
