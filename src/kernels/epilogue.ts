/**
 * What happens to a sum before it is stored: bias, activation, dropout.
 *
 * @module
 */

import { activationOf, type FusedActivation } from "./activation.ts";
import { uniformFunction } from "./threefry.ts";

/** What follows the sum of a product, in this order. */
export interface Epilogue {
  /** Whether a bias is added; bound as float32 `bias`. */
  readonly hasBias?: boolean;
  /** Applied after the bias. */
  readonly activation?: FusedActivation;
  /**
   * Probability in [0, 1) that an output becomes 0, the others being divided by `1 - rate`; the random numbers are
   * those of the key that is bound as `random`.
   */
  readonly dropoutRate?: number;
}

/**
 * Writes the bindings and the function `finish(at, channel, value)`, which gives the output at place `at` of the tensor,
 * with the bias at `channel`.
 *
 * @param epilogue What it does.
 * @param firstBinding Number of the first binding.
 * @returns WGSL.
 */
export function finishFunction(
  { hasBias, activation, dropoutRate }: Epilogue,
  firstBinding: number,
): string {
  const bindings: string[] = [];
  const bind = (declaration: string) =>
    bindings.push(
      `@group(0) @binding(${
        firstBinding + bindings.length
      }) var<storage, read> ${declaration};`,
    );
  const lines: string[] = [];
  if (hasBias) {
    bind("bias: array<f32>");
    lines.push("v = v + bias[channel];");
  }
  if (activation !== undefined) {
    lines.push(`v = ${activationOf(activation, "v")};`);
  }
  if (dropoutRate !== undefined) {
    bind("random: array<u32, 4>");
    lines.push(dropOut("v", "at", dropoutRate));
  }
  return `
${bindings.join("\n")}
${dropoutRate === undefined ? "" : uniformFunction("random")}
fn finish(at: u32, channel: u32, value: f32) -> f32 {
  var v = value;
${lines.map((line) => `  ${line}`).join("\n")}
  return v;
}`;
}

/**
 * Writes dropout of a variable: the statement uses the function of {@linkcode uniformFunction}.
 *
 * @param v Name of the variable, an f32.
 * @param at Its place among the random numbers, u32.
 * @param rate Probability in [0, 1) that it becomes 0.
 * @returns A statement in WGSL.
 */
export function dropOut(v: string, at: string, rate: number): string {
  // On the host the numbers are multiples of 2^-24, so this is exactly `u < rate`.
  const threshold = Math.ceil(rate * 2 ** 24);
  return `${v} = select(${v} * ${
    dropoutScale(rate)
  }, 0.0, uniformBits(${at}) < ${threshold}u);`;
}

/**
 * What dropout multiplies by what it keeps.
 *
 * @param rate Probability in [0, 1) that a value becomes 0.
 * @returns `1 / (1 - rate)` as an f32 in WGSL.
 */
export function dropoutScale(rate: number): string {
  return `${Math.fround(1 / (1 - rate))}f`;
}
