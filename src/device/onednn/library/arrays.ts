/**
 * Checks arrays on their way to oneDNN.
 *
 * @module
 */

import { BackendError } from "../../../errors.ts";

/** What an array must be. */
export interface ArraySpec {
  readonly type: typeof Float32Array | typeof Uint8Array;
  readonly length: number;
}

/**
 * Checks an array: the library reads and writes as much as it was told to, whatever there is. All arrays pass here.
 *
 * @param operation What is to be computed.
 * @param name Name of the array in it.
 * @param array The array.
 * @param spec What it must be.
 * @throws {BackendError} If it is missing, or of another type or length.
 */
export function requireArray(
  operation: string,
  name: string,
  array: Float32Array | Uint8Array | undefined,
  { type, length }: ArraySpec,
): asserts array {
  if (array instanceof type && array.length === length) return;
  const what = array === undefined
    ? "nothing"
    : `${array.constructor.name} of ${array.length}`;
  throw new BackendError(
    `Cannot compute ${operation} as its ${name} is ${what}: expected ${type.name} of ${length}`,
  );
}
