/** Two-dimensional convolution. */

import { device } from "../device/device.ts";
import { convSizes, imageStep } from "../device/sizes.ts";
import type { Tensor, Tensor4D } from "../device/tf.ts";
import { requireInteger } from "../options.ts";
import { fusedActivation, requireActivation } from "./activation.ts";
import { kernelAndBias } from "./initializers.ts";
import type { Activation, Initializer, Layer, Pooling } from "./layer.ts";
import { poolSizesOf } from "./pooling.ts";
import {
  countWindows,
  type Padding,
  parseWindow,
  type Shape,
  type Size2d,
  sizeOf,
} from "./shape.ts";

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
  /** First values of the kernel. Default `xavierUniform()`. */
  kernelInitializer?: Initializer;
  /** First values of the bias. Default `zeros()`. */
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
  const { kernelSize: size, strides = 1, padding = "valid" } = options;
  const { activation = "linear" } = options;
  const filters = requireInteger("filters", options.filters);
  const window = parseWindow("kernelSize", { size, strides, padding });
  requireActivation(activation);
  const outputShape = (input: Shape) => [
    ...countWindows("conv2d", input, window),
    filters,
  ];
  const kernelShape = (input: Shape) => [...window.size, input[2], filters];
  /** The layer, together with a pooling after it. */
  const applyWith =
    (pool?: Pooling): Layer["apply"] => (x, weights, context) => {
      const [kernel, bias] = weights as [Tensor4D, Tensor];
      const { needsInputGradient, precision } = context;
      const sizes = convSizes({
        inShape: x.shape as Tensor4D["shape"],
        filterShape: kernel.shape,
        strides: window.strides,
        pad: window.padding,
      });
      const { batch, outHeight, outWidth, outChannels } = sizes;
      const outShape = [batch, outHeight, outWidth, outChannels];
      return device().conv({ x: x as Tensor4D, kernel, bias }, {
        sizes,
        activation: fusedActivation(activation),
        stored: precision,
        needsInputGradient,
        maxBytes: device().info.maxBindingBytes,
        pool: pool &&
          { kind: pool.kind, sizes: poolSizesOf(outShape, pool.window) },
      });
    };
  const layer: Layer = {
    kind: "conv2d",
    config: { kind: "conv2d", filters, ...window, activation },
    usesDevice: true,
    outputShape,
    weights: (input) => kernelAndBias(kernelShape(input), options),
    macs(input) {
      const [height, width] = outputShape(input);
      return height * width * sizeOf(kernelShape(input));
    },
    apply: applyWith(),
    fuseWith(next) {
      const pool = next.pooling;
      if (pool === undefined) return;
      return {
        ...layer,
        kind: `${layer.kind}+${next.kind}`,
        outputShape: (input) => next.outputShape(outputShape(input)),
        fuseWith: undefined,
        inner: (input) => ({
          size: sizeOf(outputShape(input)),
          // Average pooling is computed from the whole batch at once.
          step: pool.kind === "average" ? Infinity : imageStep([
            sizeOf(input),
            sizeOf(next.outputShape(outputShape(input))),
          ]),
        }),
        apply: applyWith(pool),
      };
    },
  };
  return layer;
}
