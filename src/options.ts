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

/** Checks an option that is a word: one of `choices`. */
export function requireOneOf(
  option: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  throw new OptionError(option, value, `one of ${choices.join(", ")}`);
}

/** What a number may be. */
export interface NumberRange {
  /** The smallest. */
  readonly min?: number;
  /** What it must be above. */
  readonly above?: number;
  /** The largest. */
  readonly max?: number;
  /** What it must be below. */
  readonly below?: number;
}

/**
 * Checks an option that is a number, finite in float32.
 *
 * @param option Name of the option.
 * @param value Its value.
 * @param range What it may be.
 * @returns The value.
 * @throws {OptionError} If it is not a number in the range.
 */
export function requireNumber(
  option: string,
  value: number,
  range: NumberRange,
): number {
  const { min, above, max, below } = range;
  const limits = [
    [min, "at least", () => value >= min!],
    [above, "above", () => value > above!],
    [max, "at most", () => value <= max!],
    [below, "below", () => value < below!],
  ] as const;
  const given = limits.filter(([limit]) => limit !== undefined);
  if (
    !Number.isFinite(Math.fround(value)) ||
    !given.every(([, , isWithin]) => isWithin())
  ) {
    const words = given.map(([limit, word]) => `${word} ${limit}`);
    throw new OptionError(option, value, `a number ${words.join(" and ")}`);
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
