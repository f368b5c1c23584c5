/**
 * What an optimizer is.
 *
 * @module
 */

import type { Tensor, Variable } from "../backend/tf.ts";
import type { LossScale } from "./loss_scale.ts";

/** Turns gradients into new weights. It belongs to the network that it was first used on. */
export interface Optimizer {
  /** One line for people, for example "SGD, learning rate 0.01". */
  readonly description: string;
  /**
   * Changes the weights in place.
   *
   * @param weights The variables of a network, the same and in the same order at every call.
   * @param gradients A tensor per weight, of the same shape: float32 or, with a loss scale, maybe float16; not disposed.
   * @param lossScale What the gradients are still multiplied by, where they are. Only given where the optimizer
   * `takesLossScale`.
   */
  apply(
    weights: readonly Variable[],
    gradients: readonly Tensor[],
    lossScale?: LossScale,
  ): void;
  /**
   * Whether it divides gradients by a loss scale, skips steps whose gradients are not finite, and reads gradients that
   * store float16, which no operation of TensorFlow.js can: training in float16 needs it. Default false.
   */
  readonly takesLossScale?: boolean;
  /** Frees what the optimizer keeps on the device. */
  dispose(): void;
}
