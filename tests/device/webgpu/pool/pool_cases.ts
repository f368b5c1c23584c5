/** Poolings to test. */

import { loadTf } from "../../../../src/device/tf.ts";
import { type PoolSizes, poolSizes } from "../../../../src/device/sizes.ts";

type Pair = readonly [number, number];

/** A pooling. */
export interface PoolCase {
  /** `[batch, height, width, channels]`. */
  readonly input: readonly [number, number, number, number];
  readonly window: Pair;
  readonly strides: Pair;
  /** A number, or what lies before and after the rows and the columns. */
  readonly pad: "same" | "valid" | number | readonly Pair[];
}

/** Average poolings: windows overlap, reach over borders, leave out pixels. */
export const AVERAGE_POOLS: readonly PoolCase[] = [
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

/** Max poolings: the same kinds. */
export const MAX_POOLS: readonly PoolCase[] = [
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

/** Sizes of a pooling, as TensorFlow.js works them out. */
export async function poolSizesOf(
  { input, window, strides, pad }: PoolCase,
): Promise<PoolSizes> {
  await loadTf();
  return poolSizes({ inShape: input, filterSize: window, strides, pad });
}

/** Names a pooling by its window, strides, padding and input. */
export function namePool({ input, window, strides, pad }: PoolCase): string {
  return `${window}/${strides} ${pad} of ${input}`;
}
