/**
 * Dropout whose masks depend on (seed, step, layer, image, feature) alone.
 *
 * @module
 */

import { device, type RandomKey } from "../device/device.ts";
import { OptionError } from "../errors.ts";
import { STREAMS } from "../random.ts";
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

/** Names the random numbers of a dropout layer: their sequence, and where the first image begins, with `size` elements per image. */
export function dropoutKey(context: CallContext, size: number): RandomKey {
  const { seed, step, layerIndex, firstImage } = context;
  const stream = STREAMS.dropout + layerIndex;
  return { seed, stream, step, offset: firstImage * size };
}
