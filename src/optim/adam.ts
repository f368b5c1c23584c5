/**
 * Adam and AdamW.
 *
 * @module
 */

import { device } from "../device/device.ts";
import { tf, type Variable } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import { requireNumber } from "../options.ts";
import {
  copiesOf,
  type Optimizer,
  requireFit,
  requireKept,
  zerosLike,
} from "./optimizer.ts";

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
  const { weightDecay = 0 } = options;
  return adamOf("Adam", { ...options, weightDecay, decoupledDecay: 0 });
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
  const { weightDecay = 0.01 } = options;
  requireNumber("weightDecay", weightDecay, { min: 0 });
  const decay = { weightDecay: 0, decoupledDecay: weightDecay };
  return adamOf("AdamW", { ...options, ...decay });
}

/** What the optimizer keeps on the device. */
interface Kept {
  /** Steps so far, float32 scalar. */
  readonly step: Variable;
  readonly firstMoment: readonly Variable[];
  readonly secondMoment: readonly Variable[];
}

function adamOf(
  name: string,
  options: AdamOptions & { weightDecay: number; decoupledDecay: number },
): Optimizer {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } =
    options;
  const { weightDecay, decoupledDecay } = options;
  requireNumber("learningRate", learningRate, { above: 0 });
  requireNumber("beta1", beta1, { min: 0, below: 1 });
  requireNumber("beta2", beta2, { min: 0, below: 1 });
  requireNumber("epsilon", epsilon, { above: 0 });
  requireNumber("weightDecay", weightDecay, { min: 0 });
  let kept: Kept | undefined;
  const fixed = { beta1, beta2, epsilon, weightDecay, decoupledDecay };
  const decay = Math.max(weightDecay, decoupledDecay);
  const optimizer: Optimizer = {
    description: `${name}, learning rate ${learningRate}${
      decay > 0 ? `, weight decay ${decay}` : ""
    }`,
    learningRate,
    takesLossScale: true,
    apply(weights, gradients, scale) {
      const { step, firstMoment, secondMoment } = kept ??= begin(weights);
      requireFit(firstMoment, weights);
      requireFit(secondMoment, weights);
      const rates = { ...fixed, learningRate: optimizer.learningRate };
      const parameters = weights.map((weight, i) => ({
        weight,
        gradient: gradients[i],
        firstMoment: firstMoment[i],
        secondMoment: secondMoment[i],
      }));
      device().adam(parameters, rates, { step, scale: scale?.state });
    },
    state: () => kept === undefined ? {} : { ...kept, step: [kept.step] },
    restore(state) {
      const names = ["step", "firstMoment", "secondMoment"];
      const what = `${names.join(", ")}, as ${name} keeps these`;
      requireKept(state, names, what);
      const { step, firstMoment, secondMoment } = state;
      const isKept = step !== undefined;
      if (isKept && (step.length !== 1 || step[0].size !== 1)) {
        throw new OptionError(
          "state",
          `step [${step.map(({ shape }) => `[${shape}]`)}]`,
          `a step that is one scalar, and ${what}`,
        );
      }
      optimizer.dispose();
      if (!isKept) return;
      kept = {
        step: copiesOf(step)[0],
        firstMoment: copiesOf(firstMoment),
        secondMoment: copiesOf(secondMoment),
      };
    },
    dispose() {
      if (kept === undefined) return;
      tf.dispose([kept.step, ...kept.firstMoment, ...kept.secondMoment]);
      kept = undefined;
    },
  };
  return optimizer;
}

function begin(weights: readonly Variable[]): Kept {
  return {
    step: tf.tidy(() => tf.variable(tf.scalar(0), false)),
    firstMoment: zerosLike(weights),
    secondMoment: zerosLike(weights),
  };
}
