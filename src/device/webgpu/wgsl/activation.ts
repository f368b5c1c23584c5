/**
 * Activations and their gradients in WGSL.
 *
 * @module
 */

import type { FusedActivation } from "../../device.ts";

/**
 * Writes an activation.
 *
 * @param activation Which; none leaves the value as it is.
 * @param of The value `v` in WGSL, read more than once, and its type.
 * @returns WGSL of that type. NaN stays NaN.
 */
export function activationOf(
  activation: FusedActivation | undefined,
  { v, type }: { v: string; type: "f32" | "vec4f" },
): string {
  switch (activation) {
    case "relu":
      // Unlike max, lets NaN through.
      return `select(${v}, ${type}(), ${v} < ${type}())`;
    case "sigmoid":
      return `${type}(1.0) / (${type}(1.0) + exp(-${v}))`;
    case undefined:
      return v;
  }
}

/**
 * Writes the gradient of an activation.
 *
 * @param activation Which.
 * @param of The gradient `dy` of its output and its output `y`, in WGSL, and the type of both: f32 or vec4f.
 * @returns WGSL of that type: the gradient of its input.
 */
export function activationGradientOf(
  activation: FusedActivation,
  { dy, y, type }: { dy: string; y: string; type: "f32" | "vec4f" },
): string {
  return activation === "relu"
    ? `select(${type}(), ${dy}, ${y} > ${type}())`
    : `${dy} * ${y} * (${type}(1.0) - ${y})`;
}
