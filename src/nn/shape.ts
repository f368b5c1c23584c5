/**
 * Shapes of tensors.
 *
 * @module
 */

/** Shape of one image or feature vector without the batch dimension: `[height, width, channels]` or `[features]`. */
export type Shape = readonly number[];

/**
 * Number of elements of a shape.
 *
 * @param shape Any shape.
 * @returns The product of its dimensions.
 */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}
