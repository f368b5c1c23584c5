/**
 * The weights of a network: making them, and checking values for them.
 *
 * @module
 */

import { type Tensor, tf, type Variable } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import { STREAMS } from "../random.ts";
import type { Step } from "./fuse.ts";
import type { Layer } from "./layer.ts";
import type { Shape } from "./shape.ts";
import { summarize } from "./summary.ts";

/** The weights of a network and which layer has which. */
export interface Weights {
  /** float32 variables in layer order, kernel then bias. */
  readonly variables: readonly Variable[];
  /** The layers, each with its part of the variables. */
  readonly steps: readonly Step[];
}

/**
 * Makes the weights of a list of layers on the device in use.
 *
 * @param layers The layers, first to last.
 * @param inputShape Shape of one image, `[height, width, channels]`.
 * @param options Seed of the values: each weight has a stream of random numbers of its own.
 * @returns The weights.
 * @throws {ShapeError} If a layer cannot take what the one before it gives.
 */
export function createWeights(
  layers: readonly Layer[],
  inputShape: Shape,
  options: { seed: number },
): Weights {
  const variables: Variable[] = [];
  const steps = summarize(layers, inputShape).map(({ weights }, index) => {
    const begin = variables.length;
    for (const { shape, initializer } of weights) {
      const stream = STREAMS.weights + variables.length;
      const values = initializer(shape, { seed: options.seed, stream });
      variables.push(
        tf.tidy(() => tf.variable(tf.tensor(values, [...shape]))),
      );
    }
    const range = [begin, variables.length] as const;
    return { layer: layers[index], index, range };
  });
  return { variables, steps };
}

/**
 * Checks that values fit weights.
 *
 * @param variables The weights.
 * @param values A tensor or float32 values per weight.
 * @throws {ShapeError} If their number or a size does not fit.
 */
export function checkWeights(
  variables: readonly Variable[],
  values: readonly (Tensor | Float32Array)[],
): void {
  if (values.length !== variables.length) {
    throw new ShapeError(
      `Cannot set weights: expected ${variables.length} values, got ${values.length}`,
    );
  }
  variables.forEach(({ shape, size }, i) => {
    const value = values[i];
    const isArray = value instanceof Float32Array;
    const fits = isArray
      ? value.length === size
      : `${value.shape}` === `${shape}` && value.dtype === "float32";
    if (fits) return;
    const got = isArray
      ? `${value.length} values`
      : `${value.dtype} of shape [${value.shape}]`;
    throw new ShapeError(
      `Cannot set weight ${i}: expected float32 of shape [${shape}], got ${got}`,
    );
  });
}
