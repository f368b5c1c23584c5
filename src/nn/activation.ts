/** Activations, as layers and as the `activation` option of layers that have weights. */

import type { FusedActivation } from "../device/device.ts";
import { tf } from "../device/tf.ts";
import { requireOneOf } from "../options.ts";
import type { Activation, Layer } from "./layer.ts";

/** Checks the name of an activation. */
export function requireActivation(name: Activation): void {
  requireOneOf("activation", name, ["linear", "relu", "sigmoid"]);
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
    apply: (x) => tf[kind](x),
  };
}
