/**
 * Checks of the numbers that callers pass.
 *
 * @module
 */

import { OptionError } from "./errors.ts";

/** Smallest and largest value of an option. */
export interface Range {
  /** Default 1. */
  readonly min?: number;
  /** Default: none. */
  readonly max?: number;
}

/**
 * Checks an option that is an integer.
 *
 * @param option Name of the option.
 * @param value Its value.
 * @param range What it may be.
 * @returns The value.
 * @throws {OptionError} If it is not an integer in the range.
 */
export function requireInteger(
  option: string,
  value: number,
  range: Range = {},
): number {
  const { min = 1, max = Infinity } = range;
  if (!Number.isInteger(value) || value < min || value > max) {
    const what = max === Infinity
      ? `an integer of at least ${min}`
      : `an integer from ${min} to ${max}`;
    throw new OptionError(option, value, what);
  }
  return value;
}

/**
 * Checks the seed of random numbers.
 *
 * @param seed The seed.
 * @returns The seed.
 * @throws {OptionError} If it is not an integer in [0, 2^32).
 */
export function requireSeed(seed: number): number {
  return requireInteger("seed", seed, { min: 0, max: 2 ** 32 - 1 });
}
