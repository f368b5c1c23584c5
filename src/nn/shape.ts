/** Shapes of images and feature vectors, and the windows that slide over images. */

import { OptionError, ShapeError } from "../errors.ts";
import { requireInteger } from "../options.ts";

/** Shape of one image or feature vector without the batch dimension: `[height, width, channels]` or `[features]`. */
export type Shape = readonly number[];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** One size for both directions, or `[height, width]`. */
export type Size2d = number | readonly [height: number, width: number];

/** "valid": windows stay inside the image; "same": zero padding so that the output is `ceil(input / stride)` large. */
export type Padding = "valid" | "same";

/** A checked window. */
export interface Window {
  /** Height and width of the window. */
  readonly size: readonly [height: number, width: number];
  /** Steps between windows. */
  readonly strides: readonly [height: number, width: number];
  /** What happens at the border. */
  readonly padding: Padding;
}

/** Checks the options of a window and writes out both directions; `option` is the name of the one that holds the size. */
export function parseWindow(
  option: string,
  window: { size: Size2d; strides: Size2d; padding: Padding },
): Window {
  const { padding } = window;
  if (padding !== "valid" && padding !== "same") {
    throw new OptionError("padding", padding, '"valid" or "same"');
  }
  return {
    size: pair(option, window.size),
    strides: pair("strides", window.strides),
    padding,
  };
}

/** How many windows fit in each direction: height and width of the output. `kind` is the layer, for the error. */
export function countWindows(
  kind: string,
  input: Shape,
  window: Window,
): [height: number, width: number] {
  if (input.length !== 3) {
    throw new ShapeError(
      `Cannot apply ${kind} to shape [${input}]: expected [height, width, channels]`,
    );
  }
  const { size, strides, padding } = window;
  const [height, width] = [0, 1].map((d) =>
    padding === "same"
      ? Math.ceil(input[d] / strides[d])
      : Math.floor((input[d] - size[d]) / strides[d]) + 1
  );
  if (height < 1 || width < 1) {
    throw new ShapeError(
      `Cannot apply ${kind} to shape [${input}]: its window is ${size[0]}x${
        size[1]
      }; use larger images or padding "same"`,
    );
  }
  return [height, width];
}

/** How many rows and columns a window adds before and after an image. What cannot be halved goes to the end. */
export function paddingOf(
  { size, strides, padding }: Window,
  input: Shape,
): { begins: number[]; ends: number[] } {
  const totals = [0, 1].map((d) => {
    if (padding === "valid") return 0;
    const count = Math.ceil(input[d] / strides[d]);
    return Math.max((count - 1) * strides[d] + size[d] - input[d], 0);
  });
  return {
    begins: totals.map((total) => Math.floor(total / 2)),
    ends: totals.map((total) => Math.ceil(total / 2)),
  };
}

function pair(option: string, size: Size2d): [number, number] {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return [requireInteger(option, height), requireInteger(option, width)];
}
