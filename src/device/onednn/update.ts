/**
 * Steps of optimizers in place, by native kernels.
 *
 * @module
 */

import type {
  AdamRates,
  AdamTensors,
  SgdRates,
  SgdTensors,
} from "../device.ts";
import { cpuBackend, floatsOf, soleFloats } from "./tensors.ts";
import {
  accumulate,
  combine,
  increaseInPlace,
  rootInPlace,
} from "./elementwise.ts";

/**
 * Computes `g = factor * gradient + weightDecay * weight`, `velocity = momentum * velocity + g`, `weight -= learningRate *
 * velocity` (without a velocity: `g`) for each weight, where it is. A weight or velocity whose memory another tensor
 * shares, as a clone does, is moved to new memory first.
 *
 * @param parameters The weights of a network.
 * @param rates The numbers of the step.
 * @param factor What gradients are still to be multiplied by.
 */
export function nativeSgd(
  parameters: readonly SgdTensors[],
  { learningRate, momentum, weightDecay }: SgdRates,
  factor: number,
): void {
  for (const { weight, gradient, velocity } of parameters) {
    const w = soleFloats(weight);
    const g = floatsOf(gradient);
    if (velocity === undefined) {
      const beta = 1 - learningRate * weightDecay;
      accumulate(w, g, { alpha: -learningRate * factor, beta });
      continue;
    }
    const v = soleFloats(velocity);
    accumulate(v, g, { alpha: factor, beta: momentum });
    if (weightDecay > 0) accumulate(v, w, { alpha: weightDecay });
    accumulate(w, v, { alpha: -learningRate });
  }
}

/**
 * A step of Adam for each weight, where it is, as `adamInPlace` computes it on WebGPU.
 *
 * @param parameters The weights of a network.
 * @param rates The numbers of the step.
 * @param step What gradients are still to be multiplied by, and the number of the step, from 1.
 */
export function nativeAdam(
  parameters: readonly AdamTensors[],
  rates: AdamRates,
  { factor, count }: { factor: number; count: number },
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = rates;
  // 1 - beta^count, without the loss of digits of a difference.
  const [rest1, rest2] = [beta1, beta2].map((beta) =>
    -Math.expm1(count * Math.log(beta))
  );
  const { arrays } = cpuBackend();
  for (const { weight, gradient, firstMoment, secondMoment } of parameters) {
    const [w, m, v] = [weight, firstMoment, secondMoment].map(soleFloats);
    const [g, x] = [arrays.floats(w.length), arrays.floats(w.length)];
    accumulate(g, floatsOf(gradient), { alpha: factor, beta: 0 });
    if (weightDecay > 0) accumulate(g, w, { alpha: weightDecay });
    accumulate(m, g, { alpha: 1 - beta1, beta: beta1 });
    combine("multiply", g, g, x);
    accumulate(v, x, { alpha: 1 - beta2, beta: beta2 });
    accumulate(x, v, { alpha: 1 / rest2, beta: 0 });
    rootInPlace(x);
    increaseInPlace(x, epsilon);
    combine("divide", m, x, g);
    const beta = 1 - learningRate * rates.decoupledDecay;
    accumulate(w, g, { alpha: -learningRate / rest1, beta });
    arrays.release(g);
    arrays.release(x);
  }
}
