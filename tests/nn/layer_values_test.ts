/**
 * Tests of the values and gradients of layers: on cases small enough to work out by hand; on each device against the CPU backend
 * of TensorFlow.js, over sizes that no tile divides; and of sums that are long.
 */

import { assertEquals } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { relu, sigmoid } from "../../src/nn/activation.ts";
import { conv2d, type Conv2dOptions } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { type Shape, sizeOf } from "../../src/nn/shape.ts";
import { assertClose, assertCloseTensor } from "../compare.ts";
import { againstPlain, deviceTest, read, use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const CONTEXT = {
  training: true,
  seed: 0,
  step: 0,
  firstImage: 0,
  layerIndex: 0,
  needsInputGradient: true,
};

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
    // Each gradient is divided by the pixels of its window, not by the padding.
    dx: [0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 1],
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

/** The longest sums here have 4,096 terms: their rounding error stays below 1e-5 of the largest element. */
const RELATIVE = 1e-5;

type DeviceCase = [what: string, layer: Layer, input: Shape, batch: number];

const CONVOLUTIONS: [options: Conv2dOptions, input: Shape, batch: number][] = [
  [{ filters: 1, kernelSize: 1 }, [1, 1, 1], 1],
  [{ filters: 5, kernelSize: 3 }, [7, 9, 1], 2],
  [{ filters: 3, kernelSize: 3, padding: "same" }, [7, 9, 5], 3],
  [{ filters: 7, kernelSize: 5, strides: 2 }, [11, 13, 3], 1],
  [{ filters: 33, kernelSize: 3, strides: 2, padding: "same" }, [9, 8, 5], 2],
  [{ filters: 5, kernelSize: 11, strides: 4 }, [23, 31, 3], 2],
  [{ filters: 3, kernelSize: 5, strides: 4, padding: "same" }, [13, 17, 1], 3],
  [{ filters: 17, kernelSize: 1 }, [5, 7, 3], 5],
  [{ filters: 4, kernelSize: [2, 3], strides: [1, 2] }, [6, 11, 4], 2],
  [{ filters: 13, kernelSize: 3, padding: "same" }, [37, 5, 3], 1],
];
const WINDOWS = [
  { poolSize: 2 },
  { poolSize: 3, strides: 2 },
  { poolSize: [2, 3], strides: [1, 2] },
  { poolSize: 1, strides: 4 },
] as const;
/** Features, units and batch; stock tfjs gets the input gradient of the last one wrong. */
const PRODUCTS = [
  [1, 1, 1],
  [3, 5, 2],
  [129, 67, 3],
  [31, 33, 65],
  [2000, 10, 3],
  [256, 4096, 2],
];
const DEVICE_CASES: DeviceCase[] = [
  ...CONVOLUTIONS.map(([options, input, batch]): DeviceCase => {
    const { filters, kernelSize, strides = 1, padding = "valid" } = options;
    const what =
      `conv2d() ${kernelSize}/${strides} ${padding}, ${filters} filters`;
    return [what, conv2d(options), input, batch];
  }),
  ...WINDOWS.flatMap((window): DeviceCase[] => {
    const what = `${window.poolSize}/${
      "strides" in window ? window.strides : window.poolSize
    }`;
    return [
      [`maxPool2d() ${what} valid`, maxPool2d(window), [11, 8, 5], 2],
      [
        `maxPool2d() ${what} same`,
        maxPool2d({ ...window, padding: "same" }),
        [7, 10, 3],
        3,
      ],
      [`averagePool2d() ${what} valid`, averagePool2d(window), [11, 8, 1], 2],
    ];
  }),
  ...PRODUCTS.map(([features, units, batch]): DeviceCase => [
    `dense() ${features} to ${units}`,
    dense({ units }),
    [features],
    batch,
  ]),
];

for (const [what, layer, input, batch] of DEVICE_CASES) {
  const values = againstPlain(() => {
    const specs = layer.weights(input);
    const outputSize = batch * sizeOf(layer.outputShape(input));
    const inputs = [[batch, ...input], ...specs.map(({ shape }) => shape)]
      .map((shape, i) =>
        tf.tensor(numbers(sizeOf(shape), [-1, 1], i), [...shape])
      );
    const dy = numbers(outputSize, [-1, 1], 9);
    const apply = (x: Tensor, ...weights: Tensor[]) =>
      layer.apply(x, weights, CONTEXT);
    const y = apply(inputs[0], ...inputs.slice(1));
    return [
      tf.clone(y),
      ...tf.grads(apply)(inputs, tf.tensor(dy, y.shape)),
    ];
  });
  deviceTest(
    `${what} of [${[
      batch,
      ...input,
    ]}] has the values and gradients of TensorFlow.js`,
    async (device) => {
      const { actual, expected } = await values(device);
      ["output", "input gradient", "kernel gradient", "bias gradient"]
        .slice(0, actual.length)
        .forEach((what, i) =>
          assertCloseTensor(actual[i], expected[i], {
            relative: RELATIVE,
            what,
          })
        );
    },
  );
}

/**
 * A sum longer than the 65,535 loop iterations after which llvmpipe before Mesa 25 silently stops. All factors are ones, so that
 * each sum is the number of its terms, exactly.
 */
interface LongSum {
  what: string;
  layer: Layer;
  input: number[];
  batch: number;
  output: number;
  dKernel: number;
  dBias: number;
}

const BATCH = 70_001;
const LONG_SUMS: LongSum[] = [
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
for (const { what, layer, input, batch, output, dKernel, dBias } of LONG_SUMS) {
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
