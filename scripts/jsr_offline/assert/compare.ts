/** Assertions that compare two values. */

import { deepStrictEqual } from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";
import { AssertionError, failWith } from "./assertion_error.ts";

/**
 * Asserts that two values are deeply equal. As in `@std/assert`, 0 equals -0 and NaN equals NaN.
 *
 * @param actual The value found.
 * @param expected The value that it must equal.
 * @param msg Message to add on failure.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isEqual(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${msg ? `: ${msg}` : "."}\n\n${
      difference(actual, expected)
    }`,
  );
}

/**
 * Asserts that two values are not deeply equal.
 *
 * @param actual The value found.
 * @param expected The value that it must differ from.
 * @param msg Message to add on failure.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!isEqual(actual, expected)) return;
  failWith(
    `Expected actual: ${inspect(actual)} not to be: ${inspect(expected)}`,
    msg,
  );
}

/**
 * Asserts that two values are the same by `Object.is`.
 *
 * @param actual The value found.
 * @param expected The value that it must be.
 * @param msg Message to add on failure.
 */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(
    `Values are not strictly equal${msg ? `: ${msg}` : "."}\n\n${
      difference(actual, expected)
    }`,
  );
}

/**
 * Asserts that two numbers differ by the tolerance at most.
 *
 * @param actual The number found.
 * @param expected The number that it must be close to.
 * @param tolerance Largest difference; by default 1e-7 times the expected number.
 * @param msg Message to add on failure.
 */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= limit) return;
  failWith(
    `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than "${limit}"`,
    msg,
  );
}

/**
 * Asserts that `actual > expected`.
 *
 * @param actual The value found.
 * @param expected The value that it must exceed.
 * @param msg Message to add on failure.
 */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  failWith(`Expect ${inspect(actual)} > ${inspect(expected)}`, msg);
}

/**
 * Asserts that `actual >= expected`.
 *
 * @param actual The value found.
 * @param expected The least value that it may have.
 * @param msg Message to add on failure.
 */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  failWith(`Expect ${inspect(actual)} >= ${inspect(expected)}`, msg);
}

/**
 * Asserts that `actual < expected`.
 *
 * @param actual The value found.
 * @param expected The value that it must stay below.
 * @param msg Message to add on failure.
 */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  failWith(`Expect ${inspect(actual)} < ${inspect(expected)}`, msg);
}

/**
 * Asserts that `actual <= expected`.
 *
 * @param actual The value found.
 * @param expected The greatest value that it may have.
 * @param msg Message to add on failure.
 */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  failWith(`Expect ${inspect(actual)} <= ${inspect(expected)}`, msg);
}

function isEqual(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) ||
    isDeepStrictEqual(withoutNegativeZero(a), withoutNegativeZero(b));
}

/** Node tells -0 from 0; `@std/assert` does not: arrays and plain objects are copied with 0 instead. */
function withoutNegativeZero(value: unknown): unknown {
  if (value === 0) return 0;
  if (value instanceof Float32Array || value instanceof Float64Array) {
    return value.map((x) => x + 0);
  }
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (isPlainObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, x]) => [key, withoutNegativeZero(x)]),
    );
  }
  return value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

function difference(actual: unknown, expected: unknown): string {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return `actual: ${inspect(actual)}, expected: ${inspect(expected)}`;
}
