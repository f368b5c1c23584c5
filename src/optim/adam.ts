/** Adam and AdamW. */

import { biasCorrection, expressionOf } from "../device/formula.ts";
import { requireNumber } from "../options.ts";
import { formulaOptimizer, type Optimizer } from "./optimizer.ts";

/** Options of {@linkcode adam} and {@linkcode adamW}. */
export interface AdamOptions {
  /** Step size, above 0. Default 0.001. */
  learningRate?: number;
  /** Share of the mean of gradients that each step keeps, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Share of the mean of their squares that each step keeps, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the root of that mean, so that nothing is divided by 0; above 0. Default 1e-8. */
  epsilon?: number;
  /**
   * At least 0; for biases too. `adam` adds this multiple of the weights to their gradients, default 0. `adamW` takes this
   * multiple of the weights off them, times the learning rate, default 0.01.
   */
  weightDecay?: number;
}

/**
 * Adam (Kingma and Ba, 2015), as PyTorch's `Adam` defines it: `g += weightDecay * w`, `m = beta1 * m + (1 - beta1) * g`,
 * `v = beta2 * v + (1 - beta2) * g^2`, `w -= learningRate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)` at step
 * `t`, from 1.
 *
 * @example
 * ```ts
 * import { adam } from "@x/alexnet";
 *
 * const optimizer = adam({ learningRate: 0.001 });
 * ```
 *
 * @param options Learning rate, betas, epsilon and weight decay.
 * @returns The optimizer. It keeps two tensors per weight, and the number of steps.
 * @throws {OptionError} If an option is out of its range.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamOf("Adam", options);
}

/**
 * Adam whose weight decay does not go through the moments (Loshchilov and Hutter, 2019), as PyTorch's `AdamW` defines it:
 * `w -= learningRate * weightDecay * w`, then a step of {@linkcode adam} without decay.
 *
 * @param options Learning rate, betas, epsilon and weight decay.
 * @returns The optimizer. It keeps two tensors per weight, and the number of steps.
 * @throws {OptionError} If an option is out of its range.
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adamOf("AdamW", options);
}

function adamOf(name: "Adam" | "AdamW", options: AdamOptions): Optimizer {
  const isDecoupled = name === "AdamW";
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999 } = options;
  const { epsilon = 1e-8, weightDecay = isDecoupled ? 0.01 : 0 } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireNumber("beta1", beta1, { min: 0, below: 1 });
  requireNumber("beta2", beta2, { min: 0, below: 1 });
  requireNumber("epsilon", epsilon, { above: 0 });
  requireNumber("weightDecay", weightDecay, { min: 0 });
  const decay = weightDecay > 0 ? `, weight decay ${weightDecay}` : "";
  return formulaOptimizer({
    name,
    description: `${name}, learning rate ${learningRate}${decay}`,
    learningRate,
    keeps: ["firstMoment", "secondMoment"],
    countsSteps: true,
    formulaAt: (learningRate) => (old) => {
      const { weight, gradient, firstMoment, secondMoment } = old;
      const g = isDecoupled
        ? gradient
        : gradient.plus(weight.times(weightDecay));
      const m = firstMoment.plus(g.minus(firstMoment).times(1 - beta1));
      const v = secondMoment.plus(
        g.square().minus(secondMoment).times(1 - beta2),
      );
      const root = v.sqrt().over(biasCorrection(beta2).sqrt());
      const size = expressionOf(learningRate).over(biasCorrection(beta1));
      const shrunk = isDecoupled
        ? weight.minus(weight.times(learningRate * weightDecay))
        : weight;
      return {
        firstMoment: m,
        secondMoment: v,
        weight: shrunk.minus(m.times(size).over(root.plus(epsilon))),
      };
    },
  });
}
