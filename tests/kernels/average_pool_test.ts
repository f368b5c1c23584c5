/**
 * Tests of average pooling and its gradient on WebGPU against the references.
 *
 * @module
 */

import { type Tensor, type Tensor4D, tf } from "../../src/backend/tf.ts";
import {
  averagePool,
  averagePoolGradient,
  differentiableAveragePool,
} from "../../src/kernels/average_pool.ts";
import {
  poolInputShape,
  poolOutputShape,
} from "../../src/kernels/pool_shader.ts";
import { poolSizes } from "../../src/kernels/sizes.ts";
import { assertClose } from "../compare.ts";
import { read, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { formTest } from "./forms.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
} from "./pool_reference.ts";
import { runKernel, webgpuBackend } from "./run.ts";

type Pair = readonly [number, number];

interface Case {
  /** `[batch, height, width, channels]`. */
  readonly input: readonly [number, number, number, number];
  readonly window: Pair;
  readonly strides: Pair;
  /** A number, or what lies before and after the rows and the columns. */
  readonly pad: "same" | "valid" | number | readonly Pair[];
}

const CASES: readonly Case[] = [
  { input: [1, 1, 1, 1], window: [1, 1], strides: [1, 1], pad: "valid" },
  { input: [2, 7, 9, 3], window: [2, 2], strides: [2, 2], pad: "valid" },
  // Windows overlap; channels come in fours.
  { input: [2, 13, 11, 8], window: [3, 3], strides: [2, 2], pad: "valid" },
  { input: [2, 11, 6, 5], window: [2, 3], strides: [1, 2], pad: "valid" },
  // Windows reach over the border, on one side and on both, by more than a pixel.
  { input: [1, 6, 9, 5], window: [3, 3], strides: [2, 2], pad: "same" },
  { input: [3, 5, 7, 1], window: [3, 2], strides: [1, 1], pad: "same" },
  { input: [2, 5, 4, 8], window: [4, 5], strides: [1, 3], pad: "same" },
  { input: [1, 8, 8, 96], window: [5, 5], strides: [2, 3], pad: 2 },
  {
    input: [2, 6, 5, 3],
    window: [4, 3],
    strides: [3, 1],
    pad: [[0, 0], [3, 1], [0, 2], [0, 0]],
  },
  // Leaves out pixels, between windows and after the last.
  { input: [2, 9, 10, 1], window: [1, 2], strides: [4, 3], pad: "valid" },
  { input: [3, 11, 9, 96], window: [2, 1], strides: [3, 4], pad: "same" },
  // One window for all, and one larger than the image.
  { input: [3, 4, 5, 5], window: [4, 5], strides: [1, 1], pad: "valid" },
  { input: [2, 2, 3, 8], window: [5, 7], strides: [4, 4], pad: "same" },
];

/** How far WGSL lets a quotient be off, relatively: 2.5 units in the last place. */
const DIVISION = 2.5 * 2 ** -23;

for (const testCase of CASES) {
  const { input, window, strides, pad } = testCase;
  const what = `${window}/${strides} ${pad} of ${input}`;
  formTest(`averagePool() ${what} is the reference's`, async () => {
    const sizes = await _sizesOf(testCase);
    const x = numbers(input.reduce((a, b) => a * b));
    const expected = referenceAveragePool(x, sizes);
    const values = await runKernel({
      inputs: [{ values: x, shape: poolInputShape(sizes) }],
      makes: [expected.length],
      kernel: (backend, [x]) => averagePool(backend, x, sizes),
    });
    // A sum of at most so many numbers below 1, each addition rounded by half an epsilon of the sum, and one division.
    const most = sizes.windowHeight * sizes.windowWidth;
    assertClose(values, expected, {
      absolute: 2 ** -24 * (most - 1) / 2,
      relative: DIVISION,
    });
  });

  formTest(`averagePoolGradient() ${what} is the reference's`, async () => {
    const sizes = await _sizesOf(testCase);
    const shape = poolOutputShape(sizes);
    const dy = numbers(shape.reduce((a, b) => a * b));
    const expected = referenceAveragePoolGradient(dy, sizes);
    const values = await runKernel({
      inputs: [{ values: dy, shape }],
      makes: [expected.length],
      kernel: (backend, [dy]) => averagePoolGradient(backend, dy, sizes),
    });
    // As many quotients below 1 as windows cover an element, and their sum.
    const most = Math.ceil(sizes.windowHeight / sizes.strideHeight) *
      Math.ceil(sizes.windowWidth / sizes.strideWidth);
    assertClose(values, expected, {
      absolute: DIVISION * most + 2 ** -24 * most * (most - 1) / 2,
    });
  });
}

webgpuTest("differentiableAveragePool() has both on the tape", async () => {
  const sizes = await _sizesOf({
    input: [2, 6, 7, 3],
    window: [3, 4],
    strides: [1, 2],
    pad: "same",
  });
  const x = numbers(2 * 6 * 7 * 3);
  const dy = numbers(2 * 6 * 4 * 3, [-1, 1], 1);
  const [y, dx] = await read(() => {
    const pool = (x: Tensor) => differentiableAveragePool(x as Tensor4D, sizes);
    const input = tf.tensor(x, poolInputShape(sizes));
    const gradient = tf.tensor(dy, poolOutputShape(sizes));
    return [pool(input), tf.grad(pool)(input, gradient)];
  });
  // Wide enough for the bounds above.
  assertClose(y, referenceAveragePool(x, sizes), { absolute: 2e-6 });
  assertClose(dx, referenceAveragePoolGradient(dy, sizes), { absolute: 2e-6 });
});

async function _sizesOf({ input, window, strides, pad }: Case) {
  await webgpuBackend();
  return poolSizes({ inShape: input, filterSize: window, strides, pad });
}
