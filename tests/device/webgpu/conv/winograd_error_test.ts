/** How far AlexNet's convolutions by tiles are from the exact ones, at their own sizes, on WebGPU. */

import type { ConvSizes } from "../../../../src/device/sizes.ts";
import type { Tensor } from "../../../../src/device/tf.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  convKey,
  KINDS,
} from "../../../../src/device/webgpu/conv/conv2d.ts";
import {
  winogradFilterGradient,
  winogradForward,
  winogradInputGradient,
} from "../../../../src/device/webgpu/conv/winograd.ts";
import { chooseWays } from "../../../../src/device/webgpu/run/ways.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { sizesOf } from "./conv2d_cases.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "../reference.ts";
import { type Input, runKernelOfSeveral } from "../run.ts";
import { assert } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/**
 * Largest error that is allowed, as a share of the largest element: a fifth of what a single rounding to float16, with which
 * networks are trained, may be off by.
 */
const MOST = 1e-4;

interface Case {
  readonly name: string;
  readonly input: [number, number, number, number];
  readonly filter: [number, number, number];
  /** Outputs of a tile. */
  readonly tiles: readonly number[];
}

/**
 * The layer of 5x5 filters, and that of 3x3 filters with the longest sums; the largest tiles that each may have. Of one image, as
 * gradients of filters of more have more terms, whose errors cancel.
 */
const CASES: readonly Case[] = [
  {
    name: "conv2",
    input: [1, 26, 26, 96],
    filter: [5, 5, 256],
    tiles: [4],
  },
  {
    name: "conv4",
    input: [1, 12, 12, 384],
    filter: [3, 3, 384],
    tiles: [4, 6],
  },
];

for (const { name, input, filter, tiles } of CASES) {
  webgpuTest(
    `AlexNet's ${name} by tiles of ${
      tiles.map((m) => `${m}x${m}`).join(" and ")
    } and its gradients are within ${MOST} of the largest element`,
    async () => {
      const sizes = await sizesOf({
        input,
        filter,
        strides: [1, 1],
        pad: "same",
        hasBias: false,
      });
      const tensors = _tensors(sizes);
      const [x, kernel, dy] = tensors.map(({ values }) => values);
      const exact = {
        output: referenceConv2d({ x, filter: kernel }, sizes),
        "gradient of the input": referenceConv2dInputGradient(
          { dy, filter: kernel },
          sizes,
        ),
        "gradient of the filter": referenceConv2dFilterGradient(
          { x, dy },
          sizes,
        ),
      };
      for (const m of [undefined, ...tiles]) {
        const values = await runKernelOfSeveral({
          inputs: tensors,
          makes: [],
          kernel(backend, tensors) {
            const keys = Object.values(KINDS).map(({ name }) =>
              [convKey(name, sizes), "direct"] as const
            );
            chooseWays(backend, new Map(keys));
            try {
              return compute(backend, tensors, sizes, m);
            } finally {
              chooseWays(backend, new Map());
            }
          },
        });
        Object.entries(exact).forEach(([what, expected], i) => {
          const error = largestError(values[i], expected);
          const way = m === undefined ? "direct" : `winograd ${m}x${m}`;
          console.log(`${name}, ${what}, ${way}: ${error.toExponential(1)}`);
          assert(error <= MOST, `${name}, ${what}, ${way}: ${error}`);
        });
      }
    },
  );
}

/** Output and both gradients, by tiles or, without them, directly. */
function compute(
  backend: WebGPUBackend,
  [x, filter, dy]: readonly Tensor[],
  sizes: ConvSizes,
  m: number | undefined,
): TensorInfo[] {
  if (m === undefined) {
    return [
      conv2dForward(backend, { x, filter }, sizes),
      conv2dInputGradient(backend, { dy, filter }, sizes),
      conv2dFilterGradient(backend, { x, dy }, sizes),
    ];
  }
  const convolution = { sizes, m, key: convKey("error", sizes) };
  return [
    winogradForward(backend, [x, filter], convolution, {}),
    winogradInputGradient(backend, [dy, filter], convolution, {}),
    winogradFilterGradient(backend, [x, dy], convolution, {}),
  ];
}

/** Input as relu leaves it, a filter as it is initialized, and a gradient: half of it 0, as relu has it. */
function _tensors(s: ConvSizes): Input[] {
  const { filterHeight, filterWidth, inChannels, outChannels } = s;
  const tensor = (seed: number, ...shape: number[]) => ({
    values: numbers(shape.reduce((a, b) => a * b), [-1, 1], seed),
    shape,
  });
  const ofRelu = (tensor: Input) => ({
    ...tensor,
    values: tensor.values.map((v) => Math.max(v, 0)),
  });
  const x = tensor(1, s.batch, s.inHeight, s.inWidth, inChannels);
  const mask = numbers(s.batch * s.outHeight * s.outWidth * outChannels);
  const dy = tensor(3, s.batch, s.outHeight, s.outWidth, outChannels);
  return [
    ofRelu(x),
    tensor(2, filterHeight, filterWidth, inChannels, outChannels),
    { ...dy, values: dy.values.map((v, i) => mask[i] > 0 ? v : 0) },
  ];
}

/** The largest difference, as a share of the largest element. */
function largestError(actual: Float32Array, exact: Float64Array): number {
  let [error, largest] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    // NaN stays.
    error = Math.max(error, Math.abs(actual[i] - exact[i]));
    largest = Math.max(largest, Math.abs(exact[i]));
  }
  return error / largest;
}
