/** Layers of feature vectors: fully connected ones and dropout, and what turns images into such vectors. */

import { device, type RandomKey } from "../device/device.ts";
import { differentiable } from "../device/tape.ts";
import { type Tensor2D, tf } from "../device/tf.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import { STREAMS } from "../random.ts";
import { fusedActivation, requireActivation } from "./activation.ts";
import { kernelAndBias } from "./initializers.ts";
import type { Activation, CallContext, Initializer, Layer } from "./layer.ts";
import { sizeOf } from "./shape.ts";

/** Options of {@linkcode dense}. */
export interface DenseOptions {
  /** Number of outputs. */
  units: number;
  /** Applied to the sum. Default "linear". */
  activation?: Activation;
  /** First values of the kernel. Default `xavierUniform()`. */
  kernelInitializer?: Initializer;
  /** First values of the bias. Default `zeros()`. */
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
  const { activation = "linear" } = options;
  const units = requireInteger("units", options.units);
  requireActivation(activation);
  /** The layer, together with a dropout after it. */
  const applyWith =
    (rate: number): Layer["apply"] => (x, [kernel, bias], context) => {
      const tensors = { x: x as Tensor2D, kernel: kernel as Tensor2D, bias };
      const { precision: stored, training } = context;
      if (activation !== "relu" || !training || rate === 0) {
        const fused = fusedActivation(activation);
        return device().dense(tensors, { activation: fused, stored });
      }
      const layerIndex = context.layerIndex + 1;
      const key = dropoutKey({ ...context, layerIndex }, units);
      const dropout = { rate, key };
      return device().dense(tensors, { activation, stored, dropout });
    };
  const layer: Layer = {
    kind: "dense",
    config: { kind: "dense", units, activation },
    usesDevice: true,
    outputShape(input) {
      if (input.length === 1) return [units];
      throw new ShapeError(
        `Cannot apply dense to shape [${input}]: expected [features]; put flatten() before it`,
      );
    },
    weights: ([features]) => kernelAndBias([features, units], options),
    macs: ([features]) => features * units,
    apply: applyWith(0),
    fuseWith(next) {
      const rate = next.dropoutRate;
      if (activation !== "relu" || rate === undefined) return;
      return {
        ...layer,
        kind: `${layer.kind}+${next.kind}`,
        fuseWith: undefined,
        apply: applyWith(rate),
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

/** Options of {@linkcode dropout}. */
export interface DropoutOptions {
  /** Probability in [0, 1) that a value becomes zero. */
  rate: number;
}

/**
 * In training, sets values to zero with probability `rate` and divides the others by `1 - rate`; any shape. Otherwise
 * does nothing. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (JMLR 2014).
 *
 * @param options The rate.
 * @returns The layer.
 * @throws {OptionError} If the rate is not in [0, 1).
 */
export function dropout(options: DropoutOptions): Layer {
  const { rate } = options;
  if (!(rate >= 0 && rate < 1)) {
    throw new OptionError("dropout", rate, "at least 0 and below 1");
  }
  return {
    kind: "dropout",
    config: { kind: "dropout", rate },
    usesDevice: true,
    outputShape: (input) => input,
    weights: () => [],
    macs: () => 0,
    dropoutRate: rate,
    apply(x, _weights, context) {
      if (!context.training || rate === 0) return x;
      const key = dropoutKey(context, sizeOf(x.shape.slice(1)));
      return device().dropout(x, { rate, key });
    },
  };
}

/** The random numbers of a dropout layer: their sequence, and where the first image begins, with `size` elements per image. */
function dropoutKey(context: CallContext, size: number): RandomKey {
  const { seed, step, layerIndex, firstImage } = context;
  const stream = STREAMS.dropout + layerIndex;
  return { seed, stream, step, offset: firstImage * size };
}
