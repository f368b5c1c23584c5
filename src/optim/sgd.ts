/** Stochastic gradient descent. */

import type { Expressions } from "../device/formula.ts";
import { requireNumber } from "../options.ts";
import { formulaOptimizer, type Optimizer } from "./optimizer.ts";

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
  return formulaOptimizer({
    name: momentum > 0 ? "SGD" : "SGD without momentum",
    description: [
      `SGD, learning rate ${learningRate}`,
      ...momentum > 0 ? [`momentum ${momentum}`] : [],
      ...weightDecay > 0 ? [`weight decay ${weightDecay}`] : [],
    ].join(", "),
    learningRate,
    keeps: momentum > 0 ? ["velocity"] : [],
    formulaAt: (learningRate) => ({ weight, velocity, gradient }) => {
      const g = gradient.plus(weight.times(weightDecay));
      const v = momentum > 0 ? velocity.times(momentum).plus(g) : g;
      const kept: Expressions = momentum > 0 ? { velocity: v } : {};
      return { ...kept, weight: weight.minus(v.times(learningRate)) };
    },
  });
}
