/**
 * Sliding windows over images, shared by convolution and pooling.
 *
 * @module
 */

import { OptionError, ShapeError } from "../errors.ts";
import type { Shape } from "./shape.ts";
import { requireInteger } from "../options.ts";

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

/**
 * Checks the options that describe a window.
 *
 * @param option Name of the option that holds the size.
 * @param window Size, strides and padding as the caller gave them.
 * @returns The window with both directions written out.
 * @throws {OptionError} If a number is not a positive integer or the padding is unknown.
 */
export function parseWindow(
  option: string,
  window: { size: Size2d; strides: Size2d; padding: Padding },
): Window {
  const { padding } = window;
  if (padding !== "valid" && padding !== "same") {
    throw new OptionError("padding", padding, '"valid" or "same"');
  }
  return {
    size: _pair(option, window.size),
    strides: _pair("strides", window.strides),
    padding,
  };
}

/**
 * Number of places of a window in each direction.
 *
 * @param kind Kind of layer, for the error.
 * @param input Shape of one image, `[height, width, channels]`.
 * @param window The window.
 * @returns Height and width of the output.
 * @throws {ShapeError} If the input is not an image or is smaller than the window.
 */
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

function _pair(option: string, size: Size2d): [number, number] {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return [requireInteger(option, height), requireInteger(option, width)];
}
