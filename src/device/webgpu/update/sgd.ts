/**
 * A step of stochastic gradient descent in place.
 *
 * @module
 */

import type { SgdRates, SgdTensors } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf, type Variable } from "../../tf.ts";
import { makeFilled } from "../run/dispatch.ts";
import { updateInPlace, type UpdateRule } from "./update_in_place.ts";

/** Rates are learning rate, momentum and weight decay. */
const WITH_VELOCITY: UpdateRule = {
  key: "sgd with velocity",
  names: ["weight", "velocity"],
  code: `  velocity = rates[1] * velocity + (gradient + rates[2] * weight);
  weight = weight - rates[0] * velocity;`,
};

const WITHOUT_VELOCITY: UpdateRule = {
  key: "sgd",
  names: ["weight"],
  code: `  weight = weight - rates[0] * (gradient + rates[2] * weight);`,
};

/**
 * Computes `g = gradient + weightDecay * weight`, `velocity = momentum * velocity + g`, `weight -= learningRate *
 * velocity` (without a velocity: `g`) for each weight, where it is. A weight or velocity whose memory another tensor
 * shares, as a clone does, is moved to new memory first.
 *
 * @param parameters The weights of a network.
 * @param rates The numbers of the step.
 * @param scale What the gradients are still to be multiplied by, float32 `[4]`, as `updateScale` or `clipNorm` left it: in
 * a step whose gradients are not finite nothing changes.
 */
export function sgdInPlace(
  parameters: readonly SgdTensors[],
  rates: SgdRates,
  scale?: TensorInfo,
): void {
  const backend = tf.backend() as WebGPUBackend;
  const { learningRate, momentum, weightDecay } = rates;
  const numbers = Float32Array.of(learningRate, momentum, weightDecay);
  const inputs = { rates: makeFilled(backend, numbers), scale };
  const [moving, others] = [true, false].map((hasVelocity) =>
    parameters
      .filter(({ velocity }) => (velocity !== undefined) === hasVelocity)
      .map(({ weight, velocity, gradient }) => ({
        variables: velocity === undefined ? [weight] : [weight, velocity],
        gradient,
      }))
  );
  updateInPlace(WITH_VELOCITY, moving, inputs);
  updateInPlace(WITHOUT_VELOCITY, others, inputs);
  backend.disposeData(inputs.rates.dataId);
}
