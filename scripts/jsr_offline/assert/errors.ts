/** Assertions about functions that must throw or reject. */

import { AssertionError, failWith } from "./assertion_error.ts";

// deno-lint-ignore no-explicit-any -- as the real @std/assert: unknown would refuse classes with typed arguments
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/**
 * Asserts that a function throws.
 *
 * @param fn The function.
 * @param msg Message to add on failure.
 * @returns What was thrown.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Asserts that a function throws an error of a class.
 *
 * @param fn The function.
 * @param ErrorClass The class that the error must be an instance of.
 * @param msgIncludes What the error's message must include.
 * @param msg Message to add on failure.
 * @returns The error.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  try {
    fn();
  } catch (error) {
    checkError(error, classOrMsg, msgIncludes, note);
    return error;
  }
  failWith("Expected function to throw", note);
}

/**
 * Asserts that a function returns a promise that rejects.
 *
 * @param fn The function.
 * @param msg Message to add on failure.
 * @returns What the promise was rejected with.
 */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Asserts that a function returns a promise that rejects with an error of a class.
 *
 * @param fn The function.
 * @param ErrorClass The class that the error must be an instance of.
 * @param msgIncludes What the error's message must include.
 * @param msg Message to add on failure.
 * @returns The error.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(
      `Function throws when expected to reject${note ? `: ${note}` : "."}`,
      { cause: error },
    );
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, classOrMsg, msgIncludes, note);
    return error;
  }
  failWith("Expected function to reject", note);
}

function checkError<E extends Error>(
  error: unknown,
  classOrMsg: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  note: string | undefined,
): void {
  if (classOrMsg === undefined || typeof classOrMsg === "string") return;
  if (!(error instanceof Error)) {
    failWith("A non-Error object was thrown", note);
  }
  if (!(error instanceof classOrMsg)) {
    failWith(
      `Expected error to be instance of "${classOrMsg.name}", but was "${error.constructor.name}": ${error.message}`,
      note,
    );
  }
  if (msgIncludes && !error.message.includes(msgIncludes)) {
    failWith(
      `Expected error message to include ${
        JSON.stringify(msgIncludes)
      }, but got ${JSON.stringify(error.message)}`,
      note,
    );
  }
}
