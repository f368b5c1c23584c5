/** Checks of pooling and its gradients, as any device computes them, against the references. */

import {
  poolInputShape,
  poolOutputShape,
  type PoolSizes,
} from "../../../../src/device/sizes.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { type PoolCase, poolSizesOf } from "./pool_cases.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
  referenceMaxPool,
  referenceMaxPoolGradient,
} from "./pool_reference.ts";
import type { Input } from "../run.ts";
import { assertEquals } from "@std/assert";

/** Computes a pooling, or the gradient of an average pooling from that of its output. */
export type Pool = (input: Input, sizes: PoolSizes) => Promise<Float32Array>;

/** Computes the gradient of max pooling. */
export type MaxPoolGradient = (
  tensors: { dy: Input; x: Input },
  sizes: PoolSizes,
) => Promise<Float32Array>;

/** How far WGSL lets a quotient be off, relatively: 2.5 units in the last place. */
const DIVISION = 2.5 * 2 ** -23;

/** Checks average pooling. */
export async function checkAveragePool(
  pooling: PoolCase,
  compute: Pool,
): Promise<void> {
  const sizes = await poolSizesOf(pooling);
  const shape = poolInputShape(sizes);
  const x = numbers(size(shape));
  // A sum of at most so many numbers below 1, each addition rounded by half an epsilon of the sum, and one division.
  const most = sizes.windowHeight * sizes.windowWidth;
  assertClose(
    await compute({ values: x, shape }, sizes),
    referenceAveragePool(x, sizes),
    { absolute: 2 ** -24 * (most - 1) / 2, relative: DIVISION },
  );
}

/** Checks the gradient of average pooling. */
export async function checkAveragePoolGradient(
  pooling: PoolCase,
  compute: Pool,
): Promise<void> {
  const sizes = await poolSizesOf(pooling);
  const shape = poolOutputShape(sizes);
  const dy = numbers(size(shape));
  // As many quotients below 1 as windows cover an element, and their sum.
  const most = mostWindows(sizes);
  assertClose(
    await compute({ values: dy, shape }, sizes),
    referenceAveragePoolGradient(dy, sizes),
    { absolute: DIVISION * most + 2 ** -24 * most * (most - 1) / 2 },
  );
}

/** Checks max pooling. */
export async function checkMaxPool(
  pooling: PoolCase,
  compute: Pool,
): Promise<void> {
  const { sizes, x } = await maxPoolTensors(pooling);
  const expected = Float32Array.from(referenceMaxPool(x.values, sizes).values);
  assertEquals(await compute(x, sizes), expected);
}

/** Checks the gradient of max pooling. */
export async function checkMaxPoolGradient(
  pooling: PoolCase,
  compute: MaxPoolGradient,
): Promise<void> {
  const { sizes, x, dy } = await maxPoolTensors(pooling);
  const windows = mostWindows(sizes);
  // Sums of at most so many numbers below 1, each addition rounded by half an epsilon of the sum.
  assertClose(
    await compute({ dy, x }, sizes),
    referenceMaxPoolGradient({ dy: dy.values, x: x.values }, sizes),
    { absolute: 2 ** -24 * windows * (windows - 1) / 2 },
  );
}

/** A row of values, pooled by threes, and where ones as gradients go. */
export interface MaxPoolRow {
  readonly values: readonly number[];
  readonly pooled: readonly number[];
  readonly gradient: readonly number[];
}

/** Rows of which any device must choose the same. */
export const MAX_POOL_ROWS: Readonly<Record<string, MaxPoolRow>> = {
  "takes the first of equals": {
    values: [2, 2, 1, 0, 3, 3, -0, 0, 0],
    pooled: [2, 3, 0],
    gradient: [1, 0, 0, 0, 1, 0, 1, 0, 0],
  },
  "ignores NaN": {
    values: [1, NaN, 2, NaN, 3, NaN, 4, 5, NaN],
    pooled: [2, 3, 5],
    gradient: [0, 0, 1, 0, 1, 0, 0, 1, 0],
  },
  "orders infinities": {
    values: [-Infinity, -3e38, -Infinity, 0, 3e38, Infinity],
    pooled: [Math.fround(-3e38), Infinity],
    gradient: [0, 1, 0, 0, 0, 1],
  },
  "finds infinities alone": {
    values: [-Infinity, -Infinity, -Infinity],
    pooled: [-Infinity],
    gradient: [1, 0, 0],
  },
};

/** Checks max pooling of a row of so many channels, which are all alike, and its gradient. */
export async function checkMaxPoolRow(
  { row, channels }: { row: MaxPoolRow; channels: number },
  { forward, gradient }: { forward: Pool; gradient: MaxPoolGradient },
): Promise<void> {
  const sizes = await rowSizes(row.values.length, channels);
  const x = {
    values: spread(row.values, channels),
    shape: poolInputShape(sizes),
  };
  const dy = {
    values: new Float32Array(row.pooled.length * channels).fill(1),
    shape: poolOutputShape(sizes),
  };
  assertEquals(await forward(x, sizes), spread(row.pooled, channels));
  assertEquals(
    await gradient({ dy, x }, sizes),
    spread(row.gradient, channels),
  );
}

/** Sizes of a pooling of a row of a width by threes. */
export function rowSizes(width: number, channels: number): Promise<PoolSizes> {
  return poolSizesOf({
    input: [1, 1, width, channels],
    window: [1, 3],
    strides: [1, 3],
    pad: "valid",
  });
}

/** Repeats each value for all channels: `[values, channels]`. */
export function spread(
  values: readonly number[],
  channels: number,
): Float32Array {
  return Float32Array.from(
    { length: values.length * channels },
    (_, i) => values[Math.floor(i / channels)],
  );
}

/** Most windows that an element is in. */
function mostWindows(s: PoolSizes): number {
  return Math.ceil(s.windowHeight / s.strideHeight) *
    Math.ceil(s.windowWidth / s.strideWidth);
}

async function maxPoolTensors(
  pooling: PoolCase,
): Promise<{ sizes: PoolSizes; x: Input; dy: Input }> {
  const sizes = await poolSizesOf(pooling);
  const [inShape, outShape] = [poolInputShape(sizes), poolOutputShape(sizes)];
  // Rounded to tenths, so that windows have equals; never above zero, so that padding must not count as zero.
  const x = numbers(size(inShape), [-1, 0])
    .map((value) => Math.round(10 * value) / 10);
  const dy = numbers(size(outShape), [-1, 1], 1);
  return {
    sizes,
    x: { values: x, shape: inShape },
    dy: { values: dy, shape: outShape },
  };
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
