/**
 * Stochastic gradient descent.
 *
 * @module
 */

import { type Tensor, tf, type Variable } from "../backend/tf.ts";
import { OptionError } from "../errors.ts";
import { sgdInPlace } from "../kernels/sgd.ts";
import type { Optimizer, OptimizerState } from "./optimizer.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions {
  /** Step size, above 0. Default 0.01. */
  learningRate?: number;
  /** Share of the last step that goes on, in [0, 1). Default 0. */
  momentum?: number;
  /** Multiple of the weights that is added to their gradients, at least 0; biases included. Default 0. */
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
  _check("learningRate", learningRate, learningRate > 0, "above 0");
  _check(
    "momentum",
    momentum,
    momentum >= 0 && momentum < 1,
    "at least 0 and below 1",
  );
  _check("weightDecay", weightDecay, weightDecay >= 0, "at least 0");
  let velocities: Variable[] | undefined;

  function step(weight: Variable, gradient: Tensor, i: number): void {
    const { learningRate } = optimizer;
    let change = gradient;
    if (weightDecay > 0) change = tf.add(change, tf.mul(weight, weightDecay));
    if (velocities !== undefined) {
      change = tf.add(tf.mul(velocities[i], momentum), change);
      velocities[i].assign(change);
    }
    weight.assign(tf.sub(weight, tf.mul(change, learningRate)));
  }

  const optimizer: Optimizer = {
    description: _describe(learningRate, momentum, weightDecay),
    learningRate,
    takesLossScale: true,
    apply(weights, gradients, lossScale) {
      if (momentum > 0) {
        velocities ??= weights.map((w) =>
          tf.tidy(() => tf.variable(tf.zerosLike(w), false))
        );
      }
      if (tf.getBackend() !== "webgpu") {
        weights.forEach((w, i) => tf.tidy(() => step(w, gradients[i], i)));
        return;
      }
      sgdInPlace(
        weights.map((weight, i) => ({
          weight,
          gradient: gradients[i],
          velocity: velocities?.[i],
        })),
        { learningRate: optimizer.learningRate, momentum, weightDecay },
        lossScale?.state,
      );
    },
    state: (): OptimizerState =>
      velocities === undefined ? {} : { velocity: velocities },
    restore({ velocity, ...others }) {
      const [stranger] = Object.keys(others);
      if (stranger !== undefined || velocity && momentum === 0) {
        throw new OptionError(
          "state",
          stranger ?? "velocity",
          momentum === 0
            ? "nothing, as SGD without momentum keeps nothing"
            : "velocity alone, as SGD keeps nothing else",
        );
      }
      optimizer.dispose();
      velocities = velocity?.map((v) =>
        tf.tidy(() => tf.variable(tf.clone(v), false))
      );
    },
    dispose() {
      velocities?.forEach((v) => v.dispose());
      velocities = undefined;
    },
  };
  return optimizer;
}

function _check(
  option: string,
  value: number,
  isValid: boolean,
  requirement: string,
): void {
  if (!isValid || !Number.isFinite(value)) {
    throw new OptionError(option, value, `a number ${requirement}`);
  }
}

function _describe(
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
