/**
 * A training step: from a batch to new weights.
 *
 * @module
 */

import { type Scalar, tf } from "../backend/tf.ts";
import type { Batch } from "../data/loader_options.ts";
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

/**
 * Changes the weights of a network by a batch, without waiting for the device.
 *
 * @param parts Network and optimizer.
 * @param batch Images and labels; not disposed.
 * @param step Step, from 0 over the run.
 * @returns Mean loss and number of correct predictions before the change; the caller disposes them.
 * @throws {ShapeError} If the batch does not fit the network, or the network does not fit the device.
 */
export function updateWeights(
  parts: UpdateParts,
  { images, labels }: Batch,
  step: number,
): { loss: Scalar; correct: Scalar } {
  const { net, optimizer, precision, schedule, clip, lossScale } = parts;
  if (schedule) optimizer.learningRate = schedule.rateAt(step);
  const options = { step, precision, lossScale };
  const { gradients, ...results } = recordStep(net, images, labels, options);
  try {
    lossScale?.update(gradients);
    clip?.update(gradients, lossScale);
    optimizer.apply(net.getWeights(), gradients, clip ?? lossScale);
    return results;
  } catch (error) {
    tf.dispose(results);
    throw error;
  } finally {
    tf.dispose(gradients);
  }
}
