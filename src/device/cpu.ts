/** What both devices of the CPU have in common. */

import {
  type BackendInfo,
  CLIP_EPSILON,
  CLIP_STATE,
  type Device,
  type Parameter,
  SCALE_STATE,
} from "./device.ts";
import { type TracedFormula, traceFormula } from "./formula.ts";
import { type Tensor, type Tensor1D, tf } from "./tf.ts";

/** What any CPU can do. */
export const CPU_INFO: BackendInfo = {
  device: "cpu",
  maxBindingBytes: Infinity,
  maxLoopIterations: Infinity,
};

/** Has parameters changed one by one on the CPU, by what a formula makes of them at a step. */
export function updateOnCpu(
  updateOne: (
    results: TracedFormula,
    parameter: Parameter,
    t: number,
  ) => void,
): Device["update"] {
  return (formula, parameters, { step, scale } = {}) => {
    const factor = readFactor(scale);
    if (factor === 0 || parameters.length === 0) return;
    const names = Object.keys(parameters[0].variables);
    const countsSteps = step !== undefined;
    const traced = traceFormula(formula, names, { countsSteps, factor });
    if (countsSteps) tf.tidy(() => step.assign(tf.add(step, 1)));
    const t = step?.dataSync()[0] ?? 0;
    for (const parameter of parameters) updateOne(traced, parameter, t);
  };
}

/** Reads a factor, which a loss scale or the clipping of gradients found, on the CPU, which never waits; 1 without one. */
function readFactor(scale: Tensor1D | undefined): number {
  return scale === undefined ? 1 : scale.dataSync()[SCALE_STATE.factor];
}

/** Clips gradients on the CPU, by the sum of their squares. */
export function clipNormOnCpu(
  squareSum: (gradients: readonly Tensor[]) => number,
): Device["clipNorm"] {
  return ({ gradients, state, scale }, maxNorm) => {
    const factor = readFactor(scale);
    tf.tidy(() => {
      const norm = factor * Math.sqrt(squareSum(gradients));
      const clipped = factor * Math.min(1, maxNorm / (norm + CLIP_EPSILON));
      const values = new Float32Array(4);
      values[CLIP_STATE.norm] = norm;
      values[CLIP_STATE.factor] = Number.isFinite(norm) ? clipped : 0;
      state.assign(tf.tensor1d(values));
    });
  };
}
