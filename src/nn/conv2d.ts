/**
 * Two-dimensional convolution.
 *
 * @module
 */

import { type Tensor4D, tf } from "../backend/tf.ts";
import { type Activation, activationFunction } from "./activation.ts";
import { type Initializer, xavierUniform, zeros } from "./initializers.ts";
import type { Layer } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { requireInteger } from "../options.ts";
import {
  countWindows,
  type Padding,
  parseWindow,
  type Size2d,
} from "./window.ts";

/** Options of {@linkcode conv2d}. */
export interface Conv2dOptions {
  /** Number of output channels. */
  filters: number;
  /** Height and width of the kernel. */
  kernelSize: Size2d;
  /** Steps between windows. Default 1. */
  strides?: Size2d;
  /** What happens at the border. Default "valid". */
  padding?: Padding;
  /** Applied to the sum. Default "linear". */
  activation?: Activation;
  /** First values of the kernel. Default {@linkcode xavierUniform}. */
  kernelInitializer?: Initializer;
  /** First values of the bias. Default {@linkcode zeros}. */
  biasInitializer?: Initializer;
}

/**
 * Convolution with bias: `[batch, height, width, in]` to `[batch, outHeight, outWidth, filters]`.
 * Kernel HWIO, bias `[filters]`.
 *
 * @example
 * ```ts
 * import { conv2d } from "@x/alexnet/nn";
 *
 * conv2d({ filters: 96, kernelSize: 11, strides: 4, activation: "relu" });
 * ```
 *
 * @param options Size of the convolution.
 * @returns The layer.
 * @throws {OptionError} If an option is out of its range.
 */
export function conv2d(options: Conv2dOptions): Layer {
  const {
    kernelSize,
    strides = 1,
    padding = "valid",
    activation = "linear",
    kernelInitializer = xavierUniform(),
    biasInitializer = zeros(),
  } = options;
  const filters = requireInteger("filters", options.filters);
  const window = parseWindow("kernelSize", {
    size: kernelSize,
    strides,
    padding,
  });
  const activate = activationFunction(activation);
  const outputShape = (
    input: Shape,
  ) => [...countWindows("conv2d", input, window), filters];
  const kernelShape = (input: Shape) => [...window.size, input[2], filters];
  return {
    kind: "conv2d",
    outputShape,
    weights: (input) => [
      {
        name: "kernel",
        shape: kernelShape(input),
        initializer: kernelInitializer,
      },
      { name: "bias", shape: [filters], initializer: biasInitializer },
    ],
    macs(input) {
      const [height, width] = outputShape(input);
      return height * width * sizeOf(kernelShape(input));
    },
    apply(x, [kernel, bias]) {
      const [height, width] = window.strides;
      const sum = tf.conv2d(
        x as Tensor4D,
        kernel as Tensor4D,
        [height, width],
        padding,
      );
      return activate(tf.add(sum, bias));
    },
  };
}
