/**
 * Max and average pooling.
 *
 * @module
 */

import { type Tensor4D, tf } from "../backend/tf.ts";
import type { Layer } from "./layer.ts";
import {
  countWindows,
  type Padding,
  parseWindow,
  type Size2d,
} from "./window.ts";

/** Options of {@linkcode maxPool2d} and {@linkcode averagePool2d}. */
export interface Pool2dOptions {
  /** Height and width of the window. */
  poolSize: Size2d;
  /** Steps between windows. Default: the window's size. */
  strides?: Size2d;
  /** What happens at the border; padding never counts as a value. Default "valid". */
  padding?: Padding;
}

/**
 * Largest value of each window and channel: `[batch, height, width, channels]` to `[batch, outHeight, outWidth, channels]`.
 *
 * @param options Size of the window.
 * @returns The layer.
 * @throws {OptionError} If an option is out of its range.
 */
export function maxPool2d(options: Pool2dOptions): Layer {
  return _pool2d("max_pool2d", options);
}

/**
 * Mean of each window and channel: `[batch, height, width, channels]` to `[batch, outHeight, outWidth, channels]`.
 *
 * @param options Size of the window.
 * @returns The layer.
 * @throws {OptionError} If an option is out of its range.
 */
export function averagePool2d(options: Pool2dOptions): Layer {
  return _pool2d("average_pool2d", options);
}

function _pool2d(
  kind: "max_pool2d" | "average_pool2d",
  options: Pool2dOptions,
): Layer {
  const { poolSize, strides = poolSize, padding = "valid" } = options;
  const window = parseWindow("poolSize", { size: poolSize, strides, padding });
  return {
    kind,
    outputShape: (input) => [...countWindows(kind, input, window), input[2]],
    weights: () => [],
    macs: () => 0,
    maxPoolWindow: kind === "max_pool2d" ? window : undefined,
    apply(x) {
      const pool = kind === "max_pool2d" ? tf.maxPool : tf.avgPool;
      const [size, steps] = [[...window.size], [...window.strides]];
      return pool(
        x as Tensor4D,
        size as [number, number],
        steps as [number, number],
        padding,
      );
    },
  };
}
