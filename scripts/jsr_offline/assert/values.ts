/** Assertions about one value. */

import { inspect } from "node:util";
import { AssertionError, failWith } from "./assertion_error.ts";

/** Any class, abstract ones included. */
// deno-lint-ignore no-explicit-any -- as the real @std/assert: unknown would refuse classes with typed arguments
export type AnyConstructor = abstract new (...args: any[]) => any;

/** The type of what a class constructs. */
export type GetConstructorType<T extends AnyConstructor> = InstanceType<T>;

/**
 * Asserts that an expression is truthy.
 *
 * @param expr The expression's value.
 * @param msg Message of the error.
 */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/**
 * Asserts that a value is neither `undefined` nor `null`.
 *
 * @param actual The value.
 * @param msg Message to add on failure.
 */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  failWith(
    `Expected actual: "${actual}" to not be null or undefined`,
    msg,
  );
}

/**
 * Asserts that a value is an instance of a class.
 *
 * @param actual The value.
 * @param expectedType The class.
 * @param msg Message to add on failure.
 */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is GetConstructorType<T> {
  if (actual instanceof expectedType) return;
  failWith(
    `Expected object to be an instance of "${expectedType.name}" but was ${
      inspect(actual)
    }`,
    msg,
  );
}

/**
 * Asserts that a string includes another.
 *
 * @param actual The string.
 * @param expected The part that it must include.
 * @param msg Message to add on failure.
 */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  failWith(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

/**
 * Asserts that a string matches a regular expression.
 *
 * @param actual The string.
 * @param expected The expression.
 * @param msg Message to add on failure.
 */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  failWith(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

/**
 * Fails.
 *
 * @param msg Message to add.
 */
export function fail(msg?: string): never {
  failWith("Failed assertion", msg);
}

/**
 * Fails as code ran that must not.
 *
 * @param reason Why it must not run.
 */
export function unreachable(reason?: string): never {
  failWith("Unreachable", reason);
}
