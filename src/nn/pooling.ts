/** Max and average pooling. */

import { device } from "../device/device.ts";
import { type PoolSizes, poolSizes } from "../device/sizes.ts";
import type { Tensor4D } from "../device/tf.ts";
import type { Layer, Pooling } from "./layer.ts";
import {
  countWindows,
  type Padding,
  parseWindow,
  type Size2d,
  type Window,
} from "./shape.ts";

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
  return pool2d("max", options);
}

/**
 * Mean of each window and channel: `[batch, height, width, channels]` to `[batch, outHeight, outWidth, channels]`.
 *
 * @param options Size of the window.
 * @returns The layer.
 * @throws {OptionError} If an option is out of its range.
 */
export function averagePool2d(options: Pool2dOptions): Layer {
  return pool2d("average", options);
}

function pool2d(pool: Pooling["kind"], options: Pool2dOptions): Layer {
  const { poolSize, strides = poolSize, padding = "valid" } = options;
  const window = parseWindow("poolSize", { size: poolSize, strides, padding });
  const kind = `${pool}_pool2d` as const;
  return {
    kind,
    config: { kind, ...window },
    usesDevice: true,
    outputShape: (input) => [...countWindows(kind, input, window), input[2]],
    weights: () => [],
    macs: () => 0,
    pooling: { kind: pool, window },
    apply: (x) =>
      device().pool(x as Tensor4D, {
        kind: pool,
        sizes: poolSizesOf(x.shape, window),
      }),
  };
}

/** Sizes of a pooling of images, `[batch, height, width, channels]`. */
export function poolSizesOf(
  inShape: readonly number[],
  { size, strides, padding }: Window,
): PoolSizes {
  return poolSizes({ inShape, filterSize: size, strides, pad: padding });
}
