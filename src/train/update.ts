/**
 * A training step: from a batch to new weights.
 *
 * @module
 */

import type { Batch } from "../data/loader/batch.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
import type { Precision } from "../nn/precision.ts";
import type { NormClip } from "../optim/clip.ts";
import type { Schedule } from "../optim/schedule.ts";
import type { DeviceState } from "./state.ts";
import { recordStep } from "./step.ts";

/** What weights are changed with. */
export interface UpdateParts extends DeviceState {
  /** What to store activations as and to read kernels as. */
  readonly precision: Precision;
  /** Sets the learning rate of each step. */
  readonly schedule?: Schedule;
  /** Limits the norm of gradients. */
  readonly clip?: NormClip;
}

/** What a step found before it changed the weights. The caller disposes the tensors. */
export interface StepResults {
  /** Mean loss of the batch, in nats: float32 scalar. */
  readonly loss: Scalar;
  /** Number of correct predictions: int32 scalar. */
  readonly correct: Scalar;
  /** Images of the batch. */
  readonly count: number;
}

/**
 * Changes the weights of a network by a batch, without waiting for the device.
 *
 * @param parts Network and optimizer.
 * @param batch Images and labels; not disposed.
 * @param step Step, from 0 over the run.
 * @returns Mean loss and number of correct predictions before the change.
 * @throws {ShapeError} If the batch does not fit the network, or the network does not fit the device.
 */
export function updateWeights(
  parts: UpdateParts,
  { images, labels }: Batch,
  step: number,
): StepResults {
  const { net, precision, lossScale } = parts;
  const options = { step, precision, lossScale };
  const { gradients, ...results } = recordStep(net, images, labels, options);
  try {
    applyGradients(parts, gradients, step);
    return { ...results, count: images.shape[0] };
  } catch (error) {
    tf.dispose(results);
    throw error;
  } finally {
    tf.dispose(gradients);
  }
}

/**
 * Changes the weights of a network by gradients.
 *
 * @param parts Network and optimizer.
 * @param gradients Gradient of the mean loss by each weight, times the loss scale; not disposed.
 * @param step Step, from 0 over the run.
 */
export function applyGradients(
  parts: UpdateParts,
  gradients: readonly Tensor[],
  step: number,
): void {
  const { net, optimizer, schedule, clip, lossScale } = parts;
  if (schedule) optimizer.learningRate = schedule.rateAt(step);
  lossScale?.update(gradients);
  clip?.update(gradients, lossScale);
  optimizer.apply(net.getWeights(), gradients, clip ?? lossScale);
}
