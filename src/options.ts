/**
 * Checks of the numbers that callers pass. Each returns the number, or throws an {@linkcode OptionError} if it is out of range.
 */

import { OptionError } from "./errors.ts";

/** Checks that an option is an integer from `min` to `max`. */
export function requireInteger(
  option: string,
  value: number,
  { min = 1, max = Infinity }: { min?: number; max?: number } = {},
): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const range = max < Infinity ? `from ${min} to ${max}` : `of at least ${min}`;
  throw new OptionError(option, value, `an integer ${range}`);
}

/** Checks that an option is a number, finite in float32, within some limits. */
export function requireNumber(
  option: string,
  value: number,
  range: { min?: number; above?: number; max?: number; below?: number },
): number {
  const { min, above, max, below } = range;
  const limits = [
    [min, "at least", () => value >= min!],
    [above, "above", () => value > above!],
    [max, "at most", () => value <= max!],
    [below, "below", () => value < below!],
  ] as const;
  const given = limits.filter(([limit]) => limit !== undefined);
  const isWithin = given.every(([, , holds]) => holds());
  if (Number.isFinite(Math.fround(value)) && isWithin) return value;
  const words = given.map(([limit, word]) => `${word} ${limit}`);
  throw new OptionError(option, value, `a number ${words.join(" and ")}`);
}

/** Checks the seed of random numbers: an integer in [0, 2^32). */
export function requireSeed(seed: number): number {
  return requireInteger("seed", seed, { min: 0, max: 2 ** 32 - 1 });
}

/** Checks that an option is one of a few words. */
export function requireOneOf(
  option: string,
  value: string,
  choices: readonly string[],
): void {
  if (choices.includes(value)) return;
  throw new OptionError(option, value, `one of ${choices.join(", ")}`);
}
