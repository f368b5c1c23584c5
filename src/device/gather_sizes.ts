/**
 * What a batch of images that the device gathers looks like.
 *
 * @module
 */

/** Height and width, in pixels. */
export interface Extent {
  readonly height: number;
  readonly width: number;
}

/** What is beyond the edges of a window, in units of the bytes. */
export interface WindowFill {
  readonly fill: number;
}

/** Everything but which images, and where their windows are. */
export interface GatherSizes {
  /** Size of the images of bytes. */
  readonly stored: Extent;
  readonly channels: number;
  /** Size of the first window, or that of the images. */
  readonly viewed: Extent;
  /** Size that what the first window shows is resized to; the same for none. */
  readonly resized: Extent;
  /** Size of the second window, or that after resizing. */
  readonly output: Extent;
  /** Whether there is a window before resizing. */
  readonly before?: WindowFill;
  /** Whether there is one after resizing. */
  readonly after?: WindowFill;
  /** What bytes are divided by. */
  readonly divisor: 1 | 255;
  /** What is then subtracted: one number, or one per channel. */
  readonly mean: readonly number[];
  /** What that is then divided by: one number, or one per channel. */
  readonly std: readonly number[];
}

/**
 * Words of a window: 1 or -1 (mirrored); column and row of the image at its left or right edge and at its top; and of which
 * columns and rows of the image it shows anything: first, last + 1 and first, last + 1.
 */
export const WINDOW_WORDS = 7;

/** Counts the words that say which image and which windows of it. */
export function wordsPerImage({ before, after }: GatherSizes): number {
  return 1 + (before ? WINDOW_WORDS : 0) + (after ? WINDOW_WORDS : 0);
}
