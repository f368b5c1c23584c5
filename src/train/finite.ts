/**
 * Checks of numbers that a network gives.
 *
 * @module
 */

import { AlexNetError } from "../errors.ts";

/**
 * Checks that the numbers of a network mean anything.
 *
 * @param values The numbers.
 * @param task What they are for, to complete "Cannot ...".
 * @throws {AlexNetError} If one is not finite.
 */
export function requireFinite(values: Float32Array, task: string): void {
  if (values.every(Number.isFinite)) return;
  throw new AlexNetError(
    `Cannot ${task} as the network gives numbers that are not finite: its weights are damaged, or the images are`,
  );
}
