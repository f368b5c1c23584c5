/**
 * Adam in plain float64, element by element, and what it should be on a device.
 *
 * @module
 */

import type { AdamRates } from "../../src/device/device.ts";

/** PyTorch's defaults of Adam. */
export const ADAM_DEFAULTS: AdamRates = {
  learningRate: 0.001,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  decoupledDecay: 0,
};

/** Weights and moments, which a step changes. */
export interface ReferenceState {
  readonly weight: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
}

/**
 * A step of torch.optim.Adam or AdamW.
 *
 * @param state Weights and moments, which change.
 * @param gradient The gradient of each weight.
 * @param step The step, from 1, and its rates.
 */
export function adamStep(
  { weight, firstMoment, secondMoment }: ReferenceState,
  gradient: ArrayLike<number>,
  { t, ...rates }: AdamRates & { t: number },
): void {
  const { learningRate, beta1, beta2, epsilon } = rates;
  for (let i = 0; i < weight.length; i++) {
    const g = gradient[i] + rates.weightDecay * weight[i];
    weight[i] *= 1 - learningRate * rates.decoupledDecay;
    firstMoment[i] = beta1 * firstMoment[i] + (1 - beta1) * g;
    secondMoment[i] = beta2 * secondMoment[i] + (1 - beta2) * g * g;
    const mean = firstMoment[i] / (1 - beta1 ** t);
    const root = Math.sqrt(secondMoment[i] / (1 - beta2 ** t));
    weight[i] -= learningRate * mean / (root + epsilon);
  }
}
