/**
 * How large an image may be.
 *
 * @module
 */

/** Most pixels of an image that is read: more than a camera takes, and what a decoder can hold. */
export const MAX_PIXELS: number = 2 ** 26;

/**
 * Checks the size that a file claims, before memory is asked for.
 *
 * @param size Width and height, in pixels.
 * @throws {Error} If it is zero or too large; the message completes "it is ...".
 */
export function requireSize(
  { width, height }: { width: number; height: number },
): void {
  if (width < 1 || height < 1) {
    throw new Error(`it is damaged: it claims ${width}x${height} pixels`);
  }
  if (width * height > MAX_PIXELS) {
    throw new Error(
      `it is too large: ${width}x${height} pixels, and at most ${MAX_PIXELS} are read`,
    );
  }
}
