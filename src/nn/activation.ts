/**
 * Activations, as layers and as the `activation` option of layers that have weights.
 *
 * @module
 */

import type { FusedActivation } from "../device/device.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import type { Layer } from "./layer.ts";
import type { Activation } from "./layer_config.ts";

export type { Activation };

const FUNCTIONS: Record<Activation, (x: Tensor) => Tensor> = {
  linear: (x) => x,
  relu: (x) => tf.relu(x),
  sigmoid: (x) => tf.sigmoid(x),
};

/**
 * Checks the name of an activation.
 *
 * @param name Its name.
 * @throws {OptionError} If there is none of that name.
 */
export function requireActivation(name: Activation): void {
  if (!Object.hasOwn(FUNCTIONS, name)) {
    const names = Object.keys(FUNCTIONS).join(", ");
    throw new OptionError("activation", name, `one of ${names}`);
  }
}

/**
 * The activation as devices know it.
 *
 * @param name Its name.
 * @returns The same, and nothing where there is nothing to do.
 */
export function fusedActivation(name: Activation): FusedActivation | undefined {
  return name === "linear" ? undefined : name;
}

/**
 * max(x, 0), any shape.
 *
 * @returns The layer.
 */
export function relu(): Layer {
  return _activation("relu");
}

/**
 * 1 / (1 + exp(-x)), any shape.
 *
 * @returns The layer.
 */
export function sigmoid(): Layer {
  return _activation("sigmoid");
}

function _activation(kind: "relu" | "sigmoid"): Layer {
  return {
    kind,
    config: { kind },
    outputShape: (input) => input,
    weights: () => [],
    macs: () => 0,
    apply: (x) => FUNCTIONS[kind](x),
  };
}
