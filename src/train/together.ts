/**
 * How processes train together.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import type { Precision } from "../nn/precision.ts";
import { requireInteger } from "../options.ts";

/** How processes train together. */
export interface TogetherOptions {
  /** What of the gradients is sent. Default "none": all of it. */
  readonly compression?: "none" | "float16";
  /** Steps after which the processes average their weights; with 1, the default, they average gradients at each step. */
  readonly syncEvery?: number;
}

/**
 * Checks how processes are to train together.
 *
 * @param options How, with which precision, and steps between two checkpoints.
 * @throws {OptionError} If the options do not go together.
 */
export function requireTogether(
  options: TogetherOptions & { precision: Precision; everySteps?: number },
): void {
  const { compression = "none", syncEvery = 1, precision, everySteps } =
    options;
  if (!["none", "float16"].includes(compression)) {
    throw new OptionError("compression", compression, '"none" or "float16"');
  }
  requireInteger("syncEvery", syncEvery);
  if (syncEvery > 1 && compression !== "none") {
    throw new OptionError(
      "compression",
      compression,
      '"none" where weights are averaged, as no gradients are sent then',
    );
  }
  if (precision !== "float32" && (syncEvery > 1 || compression !== "none")) {
    throw new OptionError(
      "precision",
      precision,
      '"float32" with compression, and where weights are averaged',
    );
  }
  if (everySteps !== undefined && everySteps % syncEvery !== 0) {
    throw new OptionError(
      "syncEvery",
      syncEvery,
      `a divisor of ${everySteps}, the steps from one checkpoint to the next`,
    );
  }
}
