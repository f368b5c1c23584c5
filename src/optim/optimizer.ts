/**
 * What an optimizer is.
 *
 * @module
 */

import type { Tensor, Variable } from "../backend/tf.ts";

/** Turns gradients into new weights. It belongs to the network that it was first used on. */
export interface Optimizer {
  /** One line for people, for example "SGD, learning rate 0.01". */
  readonly description: string;
  /**
   * Changes the weights in place.
   *
   * @param weights The variables of a network, the same and in the same order at every call.
   * @param gradients A float32 tensor per weight, of the same shape; not disposed.
   */
  apply(weights: readonly Variable[], gradients: readonly Tensor[]): void;
  /** Frees what the optimizer keeps on the device. */
  dispose(): void;
}
