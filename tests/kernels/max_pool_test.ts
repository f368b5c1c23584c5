/**
 * Tests of max pooling and its gradient on WebGPU against the references.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { loadTf } from "../../src/backend/tf.ts";
import {
  maxPool,
  maxPoolGradient,
  maxPoolWithPlaces,
} from "../../src/kernels/max_pool.ts";
import type { PoolSizes } from "../../src/kernels/pool_shader.ts";
import { assertClose } from "../compare.ts";
import { numbers } from "../numbers.ts";
import {
  referenceMaxPool,
  referenceMaxPoolGradient,
} from "./pool_reference.ts";
import { passTest } from "./forms.ts";
import { runKernel, runKernelOfSeveral } from "./run.ts";

type Pair = [number, number];

interface Case {
  /** `[batch, height, width, channels]`. */
  readonly input: [number, number, number, number];
  readonly window: Pair;
  readonly strides: Pair;
  readonly pad: "same" | "valid" | number;
}

const CASES: readonly Case[] = [
  { input: [1, 1, 1, 1], window: [1, 1], strides: [1, 1], pad: "valid" },
  { input: [2, 7, 9, 3], window: [2, 2], strides: [2, 2], pad: "valid" },
  // AlexNet's: windows overlap.
  { input: [2, 13, 11, 8], window: [3, 3], strides: [2, 2], pad: "valid" },
  { input: [1, 6, 9, 5], window: [3, 3], strides: [2, 2], pad: "same" },
  { input: [3, 5, 7, 4], window: [3, 2], strides: [1, 1], pad: "same" },
  { input: [2, 11, 6, 10], window: [2, 3], strides: [1, 2], pad: "valid" },
  // Leaves out pixels.
  { input: [2, 9, 10, 1], window: [1, 2], strides: [4, 3], pad: "valid" },
  { input: [1, 8, 8, 96], window: [5, 5], strides: [2, 3], pad: 2 },
  { input: [1, 4, 5, 6], window: [4, 5], strides: [1, 1], pad: "valid" },
];

for (const testCase of CASES) {
  const { input, window, strides, pad } = testCase;
  const what = `${window}/${strides} ${pad} of ${input}`;
  passTest(`maxPool() ${what} is the reference's`, async () => {
    const { sizes, x } = await _tensors(testCase);
    assertEquals(await _pool(x, sizes), _expected(x, sizes));
  });

  passTest(`maxPoolGradient() ${what} is the reference's`, async () => {
    const { sizes, x, dy } = await _tensors(testCase);
    const windows = Math.ceil(sizes.windowHeight / sizes.strideHeight) *
      Math.ceil(sizes.windowWidth / sizes.strideWidth);
    // Sums of at most so many numbers below 1, each addition rounded by half an epsilon of the sum.
    assertClose(
      await _gradient({ dy, x }, sizes),
      referenceMaxPoolGradient({ dy, x }, sizes),
      { absolute: 2 ** -24 * windows * (windows - 1) / 2 },
    );
  });
}

for (const channels of [1, 4]) {
  const spread = (values: number[]) =>
    Float32Array.from(
      { length: values.length * channels },
      (_, i) => values[Math.floor(i / channels)],
    );
  const test = (what: string, values: number[], check: number[][]) =>
    passTest(`maxPool() ${what}, ${channels} channels`, async () => {
      const { sizes } = await _tensors({
        input: [1, 1, values.length, channels],
        window: [1, 3],
        strides: [1, 3],
        pad: "valid",
      });
      const x = spread(values);
      assertEquals(await _pool(x, sizes), spread(check[0]));
      const dy = new Float32Array(check[0].length * channels).fill(1);
      assertEquals(await _gradient({ dy, x }, sizes), spread(check[1]));
    });
  test("takes the first of equals", [2, 2, 1, 0, 3, 3, -0, 0, 0], [
    [2, 3, 0],
    [1, 0, 0, 0, 1, 0, 1, 0, 0],
  ]);
  test("ignores NaN", [1, NaN, 2, NaN, 3, NaN, 4, 5, NaN], [
    [2, 3, 5],
    [0, 0, 1, 0, 1, 0, 0, 1, 0],
  ]);
  passTest(
    `maxPoolWithPlaces() passes the first NaN on, ${channels} channels`,
    async () => {
      const { sizes } = await _tensors({
        input: [1, 1, 9, channels],
        window: [1, 3],
        strides: [1, 3],
        pad: "valid",
      });
      const x = spread([1, NaN, 2, NaN, 3, NaN, 4, 5, 1]);
      const [pooled, places] = await runKernelOfSeveral({
        inputs: [{ values: x, shape: _inputShape(sizes) }],
        makes: [3 * channels],
        kernel: (backend, [x]) => {
          const { pooled, places } = maxPoolWithPlaces(backend, x, sizes);
          return [pooled, places];
        },
      });
      const expected = referenceMaxPool(x, sizes, "largest");
      assertEquals(pooled, spread([NaN, NaN, 5]));
      assertEquals([...pooled], [...expected.values]);
      assertEquals(places, spread([1, 3, 7]));
    },
  );
  test(
    "orders infinities",
    [
      -Infinity,
      -Infinity,
      -Infinity,
      -Infinity,
      -3e38,
      -Infinity,
      0,
      3e38,
      Infinity,
    ],
    [
      [-Infinity, Math.fround(-3e38), Infinity],
      [1, 0, 0, 0, 1, 0, 0, 0, 1],
    ],
  );
}

function _pool(x: Float32Array, sizes: PoolSizes): Promise<Float32Array> {
  return runKernel({
    inputs: [{ values: x, shape: _inputShape(sizes) }],
    makes: [_expected(x, sizes).length],
    kernel: (backend, [x]) => maxPool(backend, x, sizes),
  });
}

function _gradient(
  { dy, x }: { dy: Float32Array; x: Float32Array },
  sizes: PoolSizes,
): Promise<Float32Array> {
  const { batch, outHeight, outWidth, channels } = sizes;
  return runKernel({
    inputs: [
      { values: dy, shape: [batch, outHeight, outWidth, channels] },
      { values: x, shape: _inputShape(sizes) },
    ],
    makes: [dy.length, x.length],
    kernel: (backend, [dy, x]) => maxPoolGradient(backend, { dy, x }, sizes),
  });
}

function _expected(x: Float32Array, sizes: PoolSizes): Float32Array {
  return Float32Array.from(referenceMaxPool(x, sizes).values);
}

function _inputShape(s: PoolSizes): number[] {
  return [s.batch, s.inHeight, s.inWidth, s.channels];
}

async function _tensors(
  { input, window, strides, pad }: Case,
): Promise<{ sizes: PoolSizes; x: Float32Array; dy: Float32Array }> {
  const tf = await loadTf();
  const info = tf.backend_util.computePool2DInfo(
    input,
    window,
    strides,
    1,
    pad,
  );
  const [batch, inHeight, inWidth, channels] = input;
  const { outHeight, outWidth, padInfo } = info;
  return {
    sizes: {
      batch,
      inHeight,
      inWidth,
      channels,
      outHeight,
      outWidth,
      windowHeight: window[0],
      windowWidth: window[1],
      strideHeight: strides[0],
      strideWidth: strides[1],
      padTop: padInfo.top,
      padLeft: padInfo.left,
    },
    // Rounded to tenths, so that windows have equals; never above zero, so that padding must not count as zero.
    x: numbers(input.reduce((a, b) => a * b), [-1, 0])
      .map((value) => Math.round(10 * value) / 10),
    dy: numbers(batch * outHeight * outWidth * channels, [-1, 1], 1),
  };
}
