/**
 * Windows onto images: what cropping, padding and mirroring have in common.
 *
 * @module
 */

import { OptionError } from "../../errors.ts";
import type { Image } from "../dataset.ts";

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

/** Height and width, in pixels. */
export interface Extent {
  /** Number of rows. */
  readonly height: number;
  /** Number of columns. */
  readonly width: number;
}

/** A window onto an image, of a size of its own. It may reach beyond the image. */
export interface Placement extends Extent {
  /** Row of the image that the window's first row shows. */
  readonly top: number;
  /** Column of the image at the left edge of the window, before it is mirrored. */
  readonly left: number;
  /** Whether left and right of the window are exchanged. */
  readonly isFlipped: boolean;
}

/** What is beyond the edges of an image, as in torchvision's `pad`. */
export type PaddingMode = "constant" | "edge" | "reflect" | "symmetric";

/** What is beyond the edges, and its value if that is constant. */
export interface Padding {
  readonly mode: PaddingMode;
  readonly fill: number;
}

/** For windows that stay inside. */
const NO_PADDING: Padding = { mode: "constant", fill: 0 };

/**
 * Reads the size that a transform is asked for.
 *
 * @param option Name of the option.
 * @param size Its value.
 * @returns Height and width.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function sizeOf(option: string, size: Size): Extent {
  const sides = typeof size === "number" ? [size, size] : size;
  if (
    sides?.length !== 2 || !sides.every((side) => Number.isInteger(side)) ||
    Math.min(...sides) < 1
  ) {
    throw new OptionError(
      option,
      size,
      "a positive integer, or [height, width]",
    );
  }
  return { height: sides[0], width: sides[1] };
}

/**
 * Rounds as Python does: torchvision's places and sizes depend on it.
 *
 * @param x Any number.
 * @returns The nearest integer; of two, the even one.
 */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + Math.abs(floor % 2) : Math.round(x);
}

/**
 * Looks at an image through a window.
 *
 * @param image The image.
 * @param place The window.
 * @param padding What is beyond the edges. Default: zeros.
 * @returns What the window shows, in new memory, with the dtype of the image.
 */
export function lookThrough(
  image: Image,
  place: Placement,
  padding: Padding = NO_PADDING,
): Image {
  const { data, channels } = image;
  const { height, width, top, left, isFlipped } = place;
  const numValues = height * width * channels;
  const out = data instanceof Uint8Array
    ? new Uint8Array(numValues)
    : new Float32Array(numValues);
  if (padding.mode === "constant" && padding.fill !== 0) {
    out.fill(padding.fill);
  }
  const columns = Int32Array.from(
    { length: width },
    (_, x) =>
      inside(
        left + (isFlipped ? width - 1 - x : x),
        image.width,
        padding.mode,
      ),
  );
  for (let y = 0; y < height; y++) {
    const row = inside(top + y, image.height, padding.mode);
    if (row < 0) continue;
    for (let x = 0; x < width; x++) {
      if (columns[x] < 0) continue;
      const from = (row * image.width + columns[x]) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = data[from + c];
    }
  }
  return { ...image, data: out, height, width };
}

/** Which of the places 0 to `size` - 1 is shown at a place that may be beyond them; -1 if none is. */
function inside(i: number, size: number, mode: PaddingMode): number {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return i < 0 ? 0 : size - 1;
    case "symmetric": {
      const at = modulo(i, 2 * size);
      return Math.min(at, 2 * size - 1 - at);
    }
    case "reflect": {
      const at = modulo(i, Math.max(1, 2 * size - 2));
      return Math.min(at, Math.max(1, 2 * size - 2) - at);
    }
  }
}

function modulo(i: number, n: number): number {
  return (i % n + n) % n;
}
