/**
 * Tests of convolution and max pooling in parts of the batch on WebGPU, and of its gradients on the tape, against the
 * references of the whole batch.
 */

import { assertEquals } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import { webgpuTest } from "../../../device.ts";
import { formTest } from "../forms.ts";
import {
  type FusedConvCase,
  type FusedConvEpilogue,
  fusedConvOf,
  setUpFusedConv,
} from "./fused_conv_cases.ts";
import { checkFusedConv, countFusedConv } from "./fused_conv_checks.ts";
import { runKernelOfSeveral, webgpuBackend } from "../run.ts";

interface Case extends FusedConvCase {
  readonly activation: FusedConvEpilogue["activation"];
  readonly fits: number;
  readonly parts: readonly number[];
}

/** Sizes where parts can begin at any image, as 64 divides an image's numbers, in and out. */
const ODD_CHANNELS = {
  input: [5, 16, 16, 3],
  filter: [3, 3, 5],
  conv: { strides: [1, 1], pad: "same" },
  pool: { filterSize: 2, strides: 2, pad: "valid" },
} as const;

/** Sizes where they can begin at every second image, as 64 divides the numbers that go in of two. */
const BY_TWO = {
  input: [7, 8, 12, 1],
  filter: [3, 3, 8],
  conv: { strides: [1, 1], pad: "same" },
  pool: { filterSize: 3, strides: 2, pad: "same" },
} as const;

const CASES: readonly Case[] = [
  { ...ODD_CHANNELS, activation: "relu", fits: 3, parts: [3, 2] },
  { ...ODD_CHANNELS, activation: undefined, fits: 2, parts: [2, 2, 1] },
  { ...BY_TWO, activation: "sigmoid", fits: 5, parts: [4, 3] },
  {
    ...BY_TWO,
    input: [5, 8, 12, 1],
    activation: "relu",
    fits: 3,
    parts: [2, 2, 1],
  },
  // AlexNet's first layer, smaller: windows overlap, and pooling leaves out pixels. 64 divides the numbers of two images of
  // its output.
  {
    input: [5, 32, 32, 1],
    filter: [11, 11, 8],
    conv: { strides: [4, 4], pad: "valid" },
    pool: { filterSize: 3, strides: 2, pad: "valid" },
    activation: "relu",
    fits: 3,
    parts: [2, 2, 1],
  },
  // More parts than a shader could bind.
  {
    input: [10, 8, 8, 8],
    filter: [3, 3, 16],
    conv: { strides: [1, 1], pad: "same" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
    activation: "sigmoid",
    fits: 1,
    parts: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  },
  // Bindings could begin at every 64th image only, so it stays whole.
  {
    input: [2, 9, 11, 3],
    filter: [3, 3, 8],
    conv: { strides: [1, 1], pad: "same" },
    pool: { filterSize: 3, strides: 2, pad: "valid" },
    activation: "relu",
    fits: 1,
    parts: [2],
  },
];

CASES.forEach((testCase) => {
  const { input, filter, conv, pool, activation, parts } = testCase;
  const what =
    `${filter}/${conv.strides} ${conv.pad} of ${input}, ${activation}, max pool ${
      Object.values(pool)
    } in parts of ${parts}`;
  const after = { activation, kind: "max" } as const;
  formTest(
    `fusedConv2d() ${what} and its gradients are the references'`,
    async () =>
      checkFusedConv(await setUpFusedConv(testCase, after), runKernelOfSeveral),
  );
  webgpuTest(
    `fusedConv2d() ${what} leaves no tensors behind, nor a gradient of x unless wanted`,
    async () => {
      await webgpuBackend();
      countFusedConv(await setUpFusedConv(testCase, after));
    },
  );
  webgpuTest(`fusedConv2d() ${what} has them unpooled one by one`, async () => {
    const backend = await webgpuBackend();
    const set = await setUpFusedConv(testCase, after);
    const { outHeight, outWidth, outChannels } = set.sizes;
    const unpooled = `${[outHeight, outWidth, outChannels]}`;
    const tensors = set.inputs.map(({ values, shape }) =>
      tf.tensor(values, [...shape])
    );
    const [kernel, bias, x, dy] = tensors;
    const gradients = tf.grads(fusedConvOf(set, true));
    const shapes = shapesOfMade(
      backend,
      () => tf.dispose(gradients([kernel, bias, x], dy)),
    );
    const counts = shapes
      .filter(([, ...image]) => `${image}` === unpooled)
      .map(([count]) => count);
    // The output and its gradient.
    assertEquals(counts, [...parts, ...parts]);
    tf.dispose(tensors);
    throwIfDeviceFailed();
  });
});

/** Shapes of the tensors that something makes, in order. */
function shapesOfMade(backend: WebGPUBackend, run: () => void): number[][] {
  const shapes: number[][] = [];
  const make = backend.makeTensorInfo;
  backend.makeTensorInfo = function (shape, ...rest) {
    shapes.push(shape);
    return make.call(this, shape, ...rest);
  };
  try {
    run();
  } finally {
    backend.makeTensorInfo = make;
  }
  return shapes;
}
