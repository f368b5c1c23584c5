/**
 * Max and average pooling.
 *
 * @module
 */

import { type Tensor, type Tensor4D, tf } from "../device/tf.ts";
import { poolLayer } from "../device/layer_operations.ts";
import { hasKernels } from "../device/onednn/device.ts";
import type { PoolSizes } from "../device/webgpu/pool/pool_shader.ts";
import { poolSizes } from "../device/webgpu/conv/sizes.ts";
import type { Layer } from "./layer.ts";
import {
  countWindows,
  type Padding,
  parseWindow,
  type Size2d,
  type Window,
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
    config: { kind, ...window },
    hasKernels: true,
    outputShape: (input) => [...countWindows(kind, input, window), input[2]],
    weights: () => [],
    macs: () => 0,
    pooling: { kind: kind === "max_pool2d" ? "max" : "average", window },
    apply(x) {
      const images = x as Tensor4D;
      const isAverage = kind === "average_pool2d";
      if (hasKernels()) {
        const sizes = _sizes(images, window);
        return poolLayer(images, isAverage ? "average" : "max", sizes);
      }
      return isAverage
        ? _averagePool(images, window)
        : tf.maxPool(images, ..._pair(window), padding);
    },
  };
}

function _sizes(x: Tensor4D, window: Window): PoolSizes {
  return poolSizes({
    inShape: x.shape,
    filterSize: window.size,
    strides: window.strides,
    pad: window.padding,
  });
}

/** Arguments of TensorFlow.js's pooling. */
function _pair(
  { size, strides }: Window,
): [size: [number, number], strides: [number, number]] {
  return [[...size], [...strides]];
}

/**
 * TensorFlow.js divides gradients by the size of the whole window, also where part of it is padding. So the padding is
 * done here, and the means over whole windows are scaled up to means over the real values.
 */
function _averagePool(x: Tensor4D, window: Window): Tensor {
  const pool = (images: Tensor4D) =>
    tf.avgPool(images, ..._pair(window), "valid");
  const [, height, width] = x.shape;
  const pads = [height, width].map((length, d): [number, number] => {
    const [size, stride] = [window.size[d], window.strides[d]];
    const total = window.padding === "valid"
      ? 0
      : Math.max((Math.ceil(length / stride) - 1) * stride + size - length, 0);
    const before = Math.floor(total / 2);
    return [before, total - before];
  });
  if (pads.flat().every((n) => n === 0)) return pool(x);
  const border: [number, number][] = [[0, 0], ...pads, [0, 0]];
  const pad = (images: Tensor4D) => tf.pad(images, border) as Tensor4D;
  const share = pool(pad(tf.ones([1, height, width, 1])));
  return tf.div(pool(pad(x)), share);
}
