/** Comparison of numbers with a reference, by a tolerance that each caller has to state. */

import { assert, assertEquals } from "@std/assert";

/** How far a number may be from its reference: |actual - expected| <= absolute + relative * |expected|. */
export interface Tolerance {
  /** In the unit of the numbers. Default 0. */
  readonly absolute?: number;
  /** Share of the expected number. Default 0. */
  readonly relative?: number;
  /** What is compared, for the message. */
  readonly what?: string;
}

/**
 * Compares numbers one by one, in the form of llm.c and NumPy.
 *
 * @param actual The numbers.
 * @param expected The reference, as many.
 * @param tolerance How far apart they may be; NaN is never near anything.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): void {
  const { absolute = 0, relative = 0, what = "numbers" } = tolerance;
  assertEquals(actual.length, expected.length, `count of ${what}`);
  let worst = { excess: 0, index: -1 };
  let failures = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = Math.abs(actual[i] - expected[i]) -
      absolute - relative * Math.abs(expected[i]);
    if (excess <= 0) continue;
    failures++;
    if (!(excess <= worst.excess)) worst = { excess, index: i };
  }
  const { index } = worst;
  assert(
    failures === 0,
    `${what}: ${failures} of ${expected.length} differ by more than ${absolute} + ${relative} * |expected|; ` +
      `the worst is number ${index}: ${actual[index]} is not ${
        expected[index]
      }`,
  );
}

/**
 * Compares a tensor that was summed in another order than its reference.
 *
 * An element of a convolution or of a gradient is a sum of up to thousands of terms which cancel, and the rounding error
 * of the sum grows with the terms, not with what is left of them. So an element is held against the largest one of its
 * tensor, not against itself. As that alone would let a tensor pass of which all small elements are wrong, the length
 * of the difference as a vector is held against the length of the reference as well.
 *
 * @param actual The elements.
 * @param expected The reference, as many.
 * @param tolerance Share that the difference may have, of the largest element and of the length.
 */
export function assertCloseTensor(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { readonly relative: number; readonly what?: string },
): void {
  const { relative, what = "tensor" } = tolerance;
  let [largest, square, squareOfDifference] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    square += expected[i] ** 2;
    squareOfDifference += (actual[i] - expected[i]) ** 2;
  }
  assertClose(actual, expected, { absolute: relative * largest, what });
  const error = Math.sqrt(squareOfDifference);
  const limit = relative * Math.sqrt(square);
  assert(
    error <= limit,
    `${what}: the length of the difference is ${error}, above ${limit}`,
  );
}
