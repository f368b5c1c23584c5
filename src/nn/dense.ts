/**
 * Fully connected layers, and what turns images into feature vectors for them.
 *
 * @module
 */

import { type Tensor2D, tf } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import { differentiable } from "../device/tape.ts";
import { device } from "../device/device.ts";
import { fusedActivation, requireActivation } from "./activation.ts";
import { dropoutKey } from "./dropout.ts";
import { type Initializer, xavierUniform, zeros } from "./initializers.ts";
import type { Activation, Layer } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { requireInteger } from "../options.ts";

/** Options of {@linkcode dense}. */
export interface DenseOptions {
  /** Number of outputs. */
  units: number;
  /** Applied to the sum. Default "linear". */
  activation?: Activation;
  /** First values of the kernel. Default {@linkcode xavierUniform}. */
  kernelInitializer?: Initializer;
  /** First values of the bias. Default {@linkcode zeros}. */
  biasInitializer?: Initializer;
}

/**
 * Matrix product with bias: `[batch, in]` to `[batch, units]`. Kernel `[in, units]`, bias `[units]`.
 *
 * @param options Size of the layer.
 * @returns The layer.
 * @throws {OptionError} If an option is out of its range.
 */
export function dense(options: DenseOptions): Layer {
  const {
    activation = "linear",
    kernelInitializer = xavierUniform(),
    biasInitializer = zeros(),
  } = options;
  const units = requireInteger("units", options.units);
  requireActivation(activation);
  const layer: Layer = {
    kind: "dense",
    config: { kind: "dense", units, activation },
    usesDevice: true,
    outputShape(input) {
      checkFlat(input);
      return [units];
    },
    weights: ([features]) => [
      {
        name: "kernel",
        shape: [features, units],
        initializer: kernelInitializer,
      },
      { name: "bias", shape: [units], initializer: biasInitializer },
    ],
    macs: ([features]) => features * units,
    apply(x, [kernel, bias], { precision }) {
      const tensors = { x: x as Tensor2D, kernel: kernel as Tensor2D, bias };
      return device().dense(tensors, {
        activation: fusedActivation(activation),
        stored: precision,
      });
    },
    fuseWith(next) {
      const rate = next.dropoutRate;
      if (activation !== "relu" || rate === undefined) return;
      return {
        ...layer,
        kind: `${layer.kind}+${next.kind}`,
        fuseWith: undefined,
        apply(x, [kernel, bias], context) {
          const isOn = context.training && rate > 0;
          return device().dense(
            { x: x as Tensor2D, kernel: kernel as Tensor2D, bias },
            {
              activation,
              stored: context.precision,
              dropout: isOn
                ? {
                  rate,
                  key: dropoutKey({
                    ...context,
                    layerIndex: context.layerIndex + 1,
                  }, units),
                }
                : undefined,
            },
          );
        },
      };
    },
  };
  return layer;
}

/**
 * `[batch, height, width, channels]` to `[batch, height * width * channels]`.
 *
 * @returns The layer.
 */
export function flatten(): Layer {
  return {
    kind: "flatten",
    config: { kind: "flatten" },
    usesDevice: true,
    outputShape: (input) => [sizeOf(input)],
    weights: () => [],
    macs: () => 0,
    apply: (x) =>
      differentiable(
        [x],
        () => tf.reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]),
        (dy) => [tf.reshape(dy, x.shape)],
      ),
  };
}

function checkFlat(input: Shape): void {
  if (input.length !== 1) {
    throw new ShapeError(
      `Cannot apply dense to shape [${input}]: expected [features]; put flatten() before it`,
    );
  }
}
