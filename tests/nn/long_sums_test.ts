/**
 * Tests of sums longer than the 65,535 loop iterations after which llvmpipe before Mesa 25 silently stops. All factors
 * are ones, so that each sum is the number of its terms, exactly.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { read, use, webgpuTest } from "../device.ts";

interface Case {
  what: string;
  layer: Layer;
  input: number[];
  batch: number;
  output: number;
  dKernel: number;
  dBias: number;
}

const BATCH = 70_001;
const CASES: Case[] = [
  {
    what: "conv2d() of many images",
    layer: conv2d({ filters: 3, kernelSize: 1 }),
    input: [28, 28, 2],
    batch: 128,
    output: 2,
    dKernel: 128 * 784,
    dBias: 128 * 784,
  },
  {
    what: "conv2d() of one large image",
    layer: conv2d({ filters: 1, kernelSize: 1 }),
    input: [301, 307, 1],
    batch: 1,
    output: 1,
    dKernel: 301 * 307,
    dBias: 301 * 307,
  },
  {
    what: "dense() of many vectors",
    layer: dense({ units: 2 }),
    input: [3],
    batch: BATCH,
    output: 3,
    dKernel: BATCH,
    dBias: BATCH,
  },
  {
    what: "dense() of long vectors",
    layer: dense({ units: 5 }),
    input: [300_007],
    batch: 2,
    output: 300_007,
    dKernel: 2,
    dBias: 2,
  },
];
for (const { what, layer, input, batch, output, dKernel, dBias } of CASES) {
  webgpuTest(`${what} sums to the end, forward and backward`, async () => {
    await use("webgpu");
    const [y, ...gradients] = await read(() => {
      const x = tf.ones([batch, ...input]);
      const [kernel, bias] = layer.weights(input).map((
        { shape },
      ) => [...shape]);
      const apply = (kernel: Tensor, bias: Tensor) =>
        layer.apply(x, [kernel, bias], CONTEXT);
      const weights = [tf.ones(kernel), tf.zeros(bias)];
      const y = apply(weights[0], weights[1]);
      return [tf.clone(y), ...tf.grads(apply)(weights, tf.onesLike(y))];
    });
    for (
      const [values, expected] of [[y, output], [gradients[0], dKernel], [
        gradients[1],
        dBias,
      ]] as const
    ) {
      assertEquals(values.find((value) => value !== expected), undefined);
    }
  });
}

const CONTEXT = {
  training: true,
  seed: 0,
  step: 0,
  firstImage: 0,
  layerIndex: 0,
  needsInputGradient: true,
};
