/**
 * Stochastic gradient descent.
 *
 * @module
 */

import type { Variable } from "../device/tf.ts";
import { device } from "../device/device.ts";
import { requireNumber } from "../options.ts";
import {
  copiesOf,
  type Optimizer,
  type OptimizerState,
  requireFit,
  requireKept,
  zerosLike,
} from "./optimizer.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions {
  /** Step size, above 0. Default 0.01. */
  learningRate?: number;
  /** Share of the last velocity that each step keeps, in [0, 1). Default 0. */
  momentum?: number;
  /** Multiple of the weights that is added to their gradients, at least 0; for biases too. Default 0. */
  weightDecay?: number;
}

/**
 * Stochastic gradient descent, as PyTorch's `SGD` defines it: `g += weightDecay * w`, `v = momentum * v + g`,
 * `w -= learningRate * v`.
 *
 * @example
 * ```ts
 * import { sgd } from "@x/alexnet";
 *
 * const optimizer = sgd({ learningRate: 0.01, momentum: 0.9 });
 * ```
 *
 * @param options Learning rate, momentum and weight decay.
 * @returns The optimizer. With momentum it keeps one tensor per weight.
 * @throws {OptionError} If an option is out of its range.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { learningRate = 0.01, momentum = 0, weightDecay = 0 } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireNumber("momentum", momentum, { min: 0, below: 1 });
  requireNumber("weightDecay", weightDecay, { min: 0 });
  let velocities: Variable[] | undefined;

  const optimizer: Optimizer = {
    description: describe(learningRate, momentum, weightDecay),
    learningRate,
    takesLossScale: true,
    apply(weights, gradients, scale) {
      if (momentum > 0) velocities ??= zerosLike(weights);
      if (velocities !== undefined) requireFit(velocities, weights);
      const { learningRate } = optimizer;
      const rates = { learningRate, momentum, weightDecay };
      const parameters = weights.map((weight, i) => ({
        weight,
        gradient: gradients[i],
        velocity: velocities?.[i],
      }));
      device().sgd(parameters, rates, scale?.state);
    },
    state: (): OptimizerState =>
      velocities === undefined ? {} : { velocity: velocities },
    restore(state) {
      if (momentum > 0) {
        const what = "velocity alone, as SGD keeps nothing else";
        requireKept(state, ["velocity"], what);
      } else {
        const what = "nothing, as SGD without momentum keeps nothing";
        requireKept(state, [], what);
      }
      optimizer.dispose();
      velocities = state.velocity && copiesOf(state.velocity);
    },
    dispose() {
      velocities?.forEach((v) => v.dispose());
      velocities = undefined;
    },
  };
  return optimizer;
}

function describe(
  learningRate: number,
  momentum: number,
  weightDecay: number,
): string {
  return [
    `SGD, learning rate ${learningRate}`,
    momentum > 0 ? `momentum ${momentum}` : "",
    weightDecay > 0 ? `weight decay ${weightDecay}` : "",
  ].filter(Boolean).join(", ");
}
