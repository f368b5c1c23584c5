/**
 * What writing WGSL takes everywhere.
 *
 * @module
 */

/** Most workgroups in one direction, by WebGPU's default limits. */
export const MAX_GROUPS = 65_535;

/**
 * Counts from 0, for lines of WGSL that are written again and again.
 *
 * @param length How many numbers.
 * @returns 0 to `length - 1`.
 */
export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
