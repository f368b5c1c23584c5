/**
 * In which precision a network trains.
 *
 * @module
 */

import { device } from "../device/device.ts";
import { OptionError } from "../errors.ts";

/**
 * What training stores activations, their gradients and those of dense kernels as, and reads kernels as. Sums are of float32
 * in either, and so are weights, and the gradients that `lossAndGradients` gives.
 */
export type Precision = "float32" | "float16";

/** The values of {@linkcode Precision}. */
export const PRECISIONS: readonly Precision[] = ["float32", "float16"];

/**
 * Checks that the device in use can train in a precision.
 *
 * @param precision The precision.
 * @throws {OptionError} If there is no such precision, or the device does not have it.
 */
export function requirePrecision(precision: Precision): void {
  if (!PRECISIONS.includes(precision)) {
    const names = PRECISIONS.join(" or ");
    throw new OptionError("precision", precision, names);
  }
  const features = device().info.adapter?.features ?? [];
  if (precision === "float16" && !features.includes("shader-f16")) {
    throw new OptionError(
      "precision",
      precision,
      "float32 on this device, as float16 needs a WebGPU adapter that has shader-f16",
    );
  }
}
