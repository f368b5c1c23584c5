/**
 * Tests of the gradient of a filter from the max-pooled places alone on WebGPU, against the references of the unpooled
 * gradient.
 */

import { assertEquals } from "@std/assert";
import {
  conv2dFilterGradient,
  convKey,
} from "../../../../src/device/webgpu/conv/conv2d.ts";
import { maxPoolGradientAt } from "../../../../src/device/webgpu/pool/pool.ts";
import {
  type ConvSizes,
  convSizes,
  poolOutputShape,
  type PoolSizes,
  poolSizes,
} from "../../../../src/device/sizes.ts";
import {
  fitsSparse,
  sparseFilterGradient,
} from "../../../../src/device/webgpu/conv/sparse_filter.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { sizesOf } from "./conv2d_cases.ts";
import { formTest } from "../forms.ts";
import { referenceMaxPool } from "../pool/pool_reference.ts";
import { referenceConv2dFilterGradient } from "../reference.ts";
import { runKernelOfSeveral, sumTolerance, webgpuBackend } from "../run.ts";

interface Case {
  /** `[batch, height, width, channels]`. */
  readonly input: readonly [number, number, number, number];
  /** `[height, width, filters]`. */
  readonly filter: readonly [number, number, number];
  readonly strides: readonly [number, number];
  readonly pool: { readonly filterSize: number; readonly strides: number };
}

/** Windows of the pooling that overlap, that do not, and that leave out pixels. */
const POOLS = {
  overlapping: { filterSize: 3, strides: 2 },
  apart: { filterSize: 2, strides: 2 },
  sparse: { filterSize: 1, strides: 2 },
} as const;

const CASES: readonly Case[] = [
  // AlexNet's first layer, smaller.
  {
    input: [2, 43, 44, 1],
    filter: [11, 11, 96],
    strides: [4, 4],
    pool: POOLS.overlapping,
  },
  // A row of the filter is no multiple of a vector, and the last vector ends with the image.
  {
    input: [3, 27, 28, 1],
    filter: [7, 5, 33],
    strides: [3, 4],
    pool: POOLS.apart,
  },
  {
    input: [2, 29, 36, 3],
    filter: [5, 5, 7],
    strides: [4, 4],
    pool: POOLS.overlapping,
  },
  {
    input: [1, 31, 24, 2],
    filter: [3, 5, 1],
    strides: [1, 2],
    pool: POOLS.apart,
  },
  {
    input: [2, 13, 9, 4],
    filter: [3, 3, 40],
    strides: [2, 1],
    pool: POOLS.overlapping,
  },
  // A single place: the filter is as large as the image.
  {
    input: [1, 5, 8, 1],
    filter: [5, 7, 3],
    strides: [4, 4],
    pool: { filterSize: 1, strides: 1 },
  },
  // Places that are left out.
  {
    input: [5, 9, 20, 1],
    filter: [2, 4, 5],
    strides: [1, 4],
    pool: POOLS.sparse,
  },
];

CASES.forEach((testCase) => {
  const { input, filter, strides, pool } = testCase;
  formTest(
    `sparseFilterGradient() ${filter}/${strides} of ${input}, max pool ${
      Object.values(pool)
    } is the reference's`,
    async () => {
      const { conv, pool, x, dy, places, dz } = await setUp(testCase);
      const pooled = poolOutputShape(pool);
      const [values, unpooled] = await runKernelOfSeveral({
        inputs: [
          { values: x, shape: input },
          { values: dy, shape: pooled },
          { values: places, shape: pooled },
        ],
        kernel(backend, [x, dy, places]) {
          const sparse = sparseFilterGradient(
            backend,
            [x, dy, places],
            { conv, pool },
            convKey("sparse test", conv),
          );
          const dz = maxPoolGradientAt(backend, { dy, places }, pool);
          const unpooled = conv2dFilterGradient(backend, { x, dy: dz }, conv);
          backend.disposeData(dz.dataId);
          return [sparse, unpooled];
        },
      });
      const expected = referenceConv2dFilterGradient({ x, dy: dz }, conv);
      const depth = dy.length / conv.outChannels;
      assertClose(values, expected, sumTolerance(x, dy, depth));
      // The other way gives the same: its terms are sums of up to 9 gradients, each rounded.
      const largest = Float32Array.of(Math.max(...dz.map(Math.abs)));
      const all = conv.batch * conv.outHeight * conv.outWidth;
      assertClose(unpooled, expected, sumTolerance(x, largest, all));
    },
  );
});

webgpuTest("sparseFilterGradient() tells sizes from one another", async () => {
  // The same key of the convolution, another pooling.
  for (const pool of [POOLS.overlapping, POOLS.apart]) {
    const { conv, pool: sizes, x, dy, places, dz } = await setUp({
      ...CASES[0],
      pool,
    });
    const shape = poolOutputShape(sizes);
    const [values] = await runKernelOfSeveral({
      inputs: [
        { values: x, shape: CASES[0].input },
        { values: dy, shape },
        { values: places, shape },
      ],
      kernel: (backend, [x, dy, places]) => [
        sparseFilterGradient(
          backend,
          [x, dy, places],
          { conv, pool: sizes },
          "sizes",
        ),
      ],
    });
    const expected = referenceConv2dFilterGradient({ x, dy: dz }, conv);
    const depth = dy.length / conv.outChannels;
    assertClose(values, expected, sumTolerance(x, dy, depth));
  }
});

Deno.test("fitsSparse() is for windows within the image whose rows begin where vectors do", async () => {
  type Size = [number, number, number, number];
  type Pad = Parameters<typeof sizesOf>[0]["pad"];
  const check = async (
    expected: true | string,
    input: Size,
    filter: [number, number, number],
    strides: [number, number],
    pad: Pad = "valid",
  ) => {
    const convolution = { input, filter, strides, pad, hasBias: false };
    assertEquals(fitsSparse(await sizesOf(convolution)), expected);
  };
  // AlexNet's.
  await check(true, [128, 224, 224, 1], [11, 11, 96], [4, 4]);
  await check(true, [2, 27, 28, 3], [5, 5, 8], [4, 4]);
  // The stride of rows does not matter.
  await check(true, [2, 27, 28, 1], [5, 5, 8], [3, 4]);
  const vectors = "windows do not begin at vectors of 4";
  await check(vectors, [2, 28, 28, 1], [5, 5, 8], [2, 2]);
  await check(vectors, [2, 28, 28, 1], [5, 5, 8], [4, 3]);
  await check(vectors, [2, 28, 27, 1], [5, 5, 8], [4, 4]);
  await check(vectors, [2, 28, 30, 1], [5, 5, 8], [4, 4]);
  // Padding before the image, and after it.
  const [none, one]: [number, number][] = [[0, 0], [1, 0]];
  const after: [number, number] = [0, 1];
  const padded = async (pad: Pad) =>
    await check(
      "windows reach into padding",
      [2, 28, 28, 4],
      [3, 3, 8],
      [1, 1],
      pad,
    );
  await padded("same");
  await padded([none, one, none, none]);
  await padded([none, none, one, none]);
  await padded([none, after, none, none]);
  await padded([none, none, after, none]);
  // Before it only, where windows end within it all the same.
  const whole: Size = [2, 11, 11, 4];
  await check(true, whole, [3, 3, 8], [4, 4]);
  for (const pad of [[none, one, none, none], [none, none, one, none]]) {
    await check(
      "windows reach into padding",
      whole,
      [3, 3, 8],
      [4, 4],
      pad as Pad,
    );
  }
  // More sums than compilers keep in registers.
  const large = "filter too large for registers";
  await check(large, [2, 28, 28, 3], [11, 11, 8], [4, 4]);
});

/** Sizes and random tensors; places are those of random outputs. */
async function setUp(c: Case): Promise<{
  conv: ConvSizes;
  pool: PoolSizes;
  x: Float32Array;
  dy: Float32Array;
  places: Int32Array;
  /** Gradient of the unpooled output. */
  dz: Float64Array;
}> {
  await webgpuBackend();
  const [height, width, filters] = c.filter;
  const conv = convSizes({
    inShape: c.input,
    filterShape: [height, width, c.input[3], filters],
    strides: c.strides,
    pad: "valid",
  });
  assertEquals(fitsSparse(conv), true);
  const { batch, outHeight, outWidth } = conv;
  const inShape = [batch, outHeight, outWidth, filters];
  const pool = poolSizes({ inShape, ...c.pool, pad: "valid" });
  const size = outHeight * outWidth * filters;
  const output = numbers(batch * size, [-1, 1], 6);
  const { places: indices } = referenceMaxPool(output, pool);
  const dy = numbers(indices.length, [-1, 1], 7);
  const dz = new Float64Array(output.length);
  indices.forEach((index, i) => dz[index] += dy[i]);
  return {
    conv,
    pool,
    x: numbers(c.input.reduce((a, b) => a * b), [-1, 1], 8),
    dy,
    // Row times width plus column, within the image.
    places: indices.map((index) => Math.floor(index % size / filters)),
    dz,
  };
}
