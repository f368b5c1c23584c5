/** Numbers to test with: as good as random, the same in every run. */

import { uniforms } from "../src/random.ts";

/**
 * Uniform numbers.
 *
 * @param count How many.
 * @param range Between what; default -1 and 1.
 * @param seed Which numbers; default 0.
 * @returns float32 [count].
 */
export function numbers(
  count: number,
  range: readonly [min: number, max: number] = [-1, 1],
  seed = 0,
): Float32Array<ArrayBuffer> {
  const [min, max] = range;
  return uniforms(count, { seed, stream: 0x70000000 })
    .map((u) => min + u * (max - min));
}

/**
 * Labels.
 *
 * @param count How many.
 * @param classes Number of classes; default 10.
 * @returns int32 [count], each in [0, classes).
 */
export function labelsUpTo(
  count: number,
  classes = 10,
): Int32Array<ArrayBuffer> {
  return Int32Array.from(numbers(count, [0, classes], 1));
}
