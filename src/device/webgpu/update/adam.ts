/**
 * A step of Adam in place.
 *
 * @module
 */

import { type AdamRates, type AdamTensors, SCALE_STATE } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf, type Variable } from "../../tf.ts";
import { dispatchInPlace, makeFilled } from "../run/dispatch.ts";
import { programOf } from "../run/program.ts";
import { makeSole, updateInPlace, type UpdateRule } from "./update_in_place.ts";

/** Places of the rates. */
const RATES = {
  /** Learning rate; once {@linkcode _correct} has run, over `1 - beta1^t`. */
  size: 0,
  /** `1 / sqrt(1 - beta2^t)` once {@linkcode _correct} has run. */
  correction: 1,
  /** `1 - beta1`, which float32 holds better than `beta1`; `beta2` likewise. */
  rest1: 2,
  rest2: 3,
  epsilon: 4,
  weightDecay: 5,
  /** Learning rate times decoupled decay. */
  shrinkage: 6,
  logBeta1: 7,
  logBeta2: 8,
} as const;

const RULE: UpdateRule = {
  key: "adam",
  names: ["weight", "firstMoment", "secondMoment"],
  code: `  let g = gradient + rates[${RATES.weightDecay}] * weight;
  firstMoment = firstMoment + rates[${RATES.rest1}] * (g - firstMoment);
  secondMoment = secondMoment + rates[${RATES.rest2}] * (g * g - secondMoment);
  let root = sqrt(secondMoment) * rates[${RATES.correction}];
  weight = weight - rates[${RATES.shrinkage}] * weight -
    rates[${RATES.size}] * firstMoment / (root + rates[${RATES.epsilon}]);`,
};

/** Least logarithm of a beta: of 0, which has none, all powers are 0 to float32. */
const LEAST_LOG = -200;

/**
 * Computes `t += 1`, `g = gradient + weightDecay * weight`, `m = beta1 * m + (1 - beta1) * g`, `v = beta2 * v + (1 - beta2) *
 * g^2`, `weight -= learningRate * (decoupledDecay * weight + m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon))` for
 * each weight, where it is. What shares memory with another tensor, as a clone does, is moved to new memory first.
 *
 * @param parameters The weights of a network.
 * @param rates The numbers of the step.
 * @param state float32 scalar `step`, the steps so far, `t`; and what the gradients are still to be multiplied by, float32
 * `[4]`, as `updateScale` or `clipNorm` left it: in a step whose gradients are not finite nothing changes, `t` included.
 */
export function adamInPlace(
  parameters: readonly AdamTensors[],
  rates: AdamRates,
  { step, scale }: { step: Variable; scale?: TensorInfo },
): void {
  const backend = tf.backend() as WebGPUBackend;
  const numbers = new Float32Array(Object.keys(RATES).length);
  const log = (beta: number) => Math.max(Math.log(beta), LEAST_LOG);
  numbers[RATES.size] = rates.learningRate;
  numbers[RATES.rest1] = 1 - rates.beta1;
  numbers[RATES.rest2] = 1 - rates.beta2;
  numbers[RATES.epsilon] = rates.epsilon;
  numbers[RATES.weightDecay] = rates.weightDecay;
  numbers[RATES.shrinkage] = rates.learningRate * rates.decoupledDecay;
  numbers[RATES.logBeta1] = log(rates.beta1);
  numbers[RATES.logBeta2] = log(rates.beta2);
  const filled = makeFilled(backend, numbers);
  makeSole(backend, step);
  _correct(backend, { step, rates: filled, scale });
  updateInPlace(
    RULE,
    parameters.map(({ weight, gradient, firstMoment, secondMoment }) => ({
      variables: [weight, firstMoment, secondMoment],
      gradient,
    })),
    { rates: filled, scale },
  );
  backend.disposeData(filled.dataId);
}

/** Counts the step, unless it is skipped, and corrects the rates for the moments' beginning at 0. */
function _correct(
  backend: WebGPUBackend,
  { step, rates, scale }: {
    step: TensorInfo;
    rates: TensorInfo;
    scale?: TensorInfo;
  },
): void {
  const isScaled = scale !== undefined;
  const program = programOf(backend, `adam's correction,${isScaled}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> step: array<f32, 1>;
@group(0) @binding(1) var<storage, read_write> rates: array<f32>;
${
      isScaled
        ? "@group(0) @binding(2) var<storage, read> scale: array<f32, 4>;"
        : ""
    }

// 1 - e^x of a negative x. For small ones by the series, as the difference would have few digits.
fn oneMinusExp(x: f32) -> f32 {
  if (x < -1.0) {
    return 1.0 - exp(x);
  }
  var sum = 1.0;
  for (var n = 12.0; n >= 2.0; n = n - 1.0) {
    sum = 1.0 + x / n * sum;
  }
  return -x * sum;
}

@compute @workgroup_size(1)
fn main() {
${
      isScaled
        ? `  if (scale[${SCALE_STATE.factor}] == 0.0) {
    return;
  }`
        : ""
    }
  let t = step[0] + 1.0;
  step[0] = t;
  rates[${RATES.size}] = rates[${RATES.size}] / oneMinusExp(t * rates[${RATES.logBeta1}]);
  rates[${RATES.correction}] = 1.0 / sqrt(oneMinusExp(t * rates[${RATES.logBeta2}]));
}
`,
    workgroups: [1, 1, 1],
  }));
  dispatchInPlace(backend, program, {
    written: [step, rates],
    read: isScaled ? [scale] : [],
  });
}
