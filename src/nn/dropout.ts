/**
 * Dropout whose masks depend on (seed, step, layer, image, feature) alone.
 *
 * @module
 */

import { type Tensor, tf } from "../backend/tf.ts";
import { OptionError } from "../errors.ts";
import { STREAMS, uniforms } from "../random.ts";
import type { CallContext, Layer } from "./layer.ts";
import { sizeOf } from "./shape.ts";

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
    outputShape: (input) => input,
    weights: () => [],
    macs: () => 0,
    apply: (x, _weights, context) =>
      context.training && rate > 0 ? tf.mul(x, _mask(x, rate, context)) : x,
  };
}

function _mask(x: Tensor, rate: number, context: CallContext): Tensor {
  const { seed, step, layerIndex, firstImage } = context;
  const keep = uniforms(x.size, {
    seed,
    stream: STREAMS.dropout + layerIndex,
    step,
    offset: firstImage * sizeOf(x.shape.slice(1)),
  }).map((u) => (u < rate ? 0 : 1 / (1 - rate)));
  return tf.tensor(keep, x.shape);
}
