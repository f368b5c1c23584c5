/**
 * Activations, as layers and as the `activation` option of layers that have weights.
 *
 * @module
 */

import type { FusedActivation } from "../device/device.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import type { Activation, Layer } from "./layer.ts";

const FUNCTIONS: Record<Activation, (x: Tensor) => Tensor> = {
  linear: (x) => x,
  relu: (x) => tf.relu(x),
  sigmoid: (x) => tf.sigmoid(x),
};

/**
 * Checks the name of an activation.
 *
 * @throws {OptionError} If there is none of that name.
 */
export function requireActivation(name: Activation): void {
  if (!Object.hasOwn(FUNCTIONS, name)) {
    const names = Object.keys(FUNCTIONS).join(", ");
    throw new OptionError("activation", name, `one of ${names}`);
  }
}

/** The activation as devices know it: `undefined` where there is nothing to compute. */
export function fusedActivation(name: Activation): FusedActivation | undefined {
  return name === "linear" ? undefined : name;
}

/**
 * max(x, 0), any shape.
 *
 * @returns The layer.
 */
export function relu(): Layer {
  return activation("relu");
}

/**
 * 1 / (1 + exp(-x)), any shape.
 *
 * @returns The layer.
 */
export function sigmoid(): Layer {
  return activation("sigmoid");
}

function activation(kind: "relu" | "sigmoid"): Layer {
  return {
    kind,
    config: { kind },
    outputShape: (input) => input,
    weights: () => [],
    macs: () => 0,
    apply: (x) => FUNCTIONS[kind](x),
  };
}
