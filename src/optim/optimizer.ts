/**
 * What an optimizer is.
 *
 * @module
 */

import type { Tensor, Variable } from "../device/tf.ts";
import type { GradientScale } from "./gradient_scale.ts";

/** What an optimizer keeps from step to step: lists of float32 tensors by name, for example `velocity`, one per weight. */
export type OptimizerState = Readonly<Record<string, readonly Tensor[]>>;

/** Turns gradients into new weights. It belongs to the network that it was first used on. */
export interface Optimizer {
  /** One line for people, for example "SGD, learning rate 0.01". */
  readonly description: string;
  /** Step size of the next step, at least 0: schedules and callbacks change it. */
  learningRate: number;
  /**
   * Changes the weights in place.
   *
   * @param weights The variables of a network, the same and in the same order at every call.
   * @param gradients A tensor per weight, of the same shape: float32 or, with a loss scale, maybe float16; not disposed.
   * @param scale What the gradients are still to be multiplied by, if anything: 1 over a loss scale, or less to clip them.
   * Only given where the optimizer `takesLossScale`.
   */
  apply(
    weights: readonly Variable[],
    gradients: readonly Tensor[],
    scale?: GradientScale,
  ): void;
  /**
   * Whether it multiplies gradients by a scale, skips steps whose gradients are not finite, and reads gradients that store
   * float16, which no operation of TensorFlow.js can: training in float16 and clipping need it. Default false.
   */
  readonly takesLossScale?: boolean;
  /**
   * Tells what it keeps, to go on later.
   *
   * @returns Its own tensors, which change with every step; none before the first step, or where it keeps nothing.
   */
  state(): OptimizerState;
  /**
   * Goes on from what an optimizer of the same kind kept.
   *
   * @param state What its `state` gave; copied, not disposed.
   * @throws {OptionError} If it is not what this kind keeps.
   */
  restore(state: OptimizerState): void;
  /** Frees what the optimizer keeps on the device. */
  dispose(): void;
}
