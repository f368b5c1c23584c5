/**
 * What an optimizer is, and the tensors that it keeps from step to step.
 *
 * @module
 */

import { type Tensor, tf, type Variable } from "../device/tf.ts";
import { OptionError, ShapeError } from "../errors.ts";
import type { GradientScale } from "./gradient_scale.ts";

/** What an optimizer keeps from step to step: lists of float32 tensors by name, for example `velocity`, one per weight. */
export type OptimizerState = Readonly<Record<string, readonly Tensor[]>>;

/** Turns gradients into new weights. It belongs to the network that it was first used on. */
export interface Optimizer {
  /** One line for people, for example "SGD, learning rate 0.01". */
  readonly description: string;
  /** Learning rate of the next step, at least 0: schedules and callbacks change it. */
  learningRate: number;
  /**
   * Changes the weights in place.
   *
   * @param weights The variables of a network, the same and in the same order at every call.
   * @param gradients A tensor per weight, of the same shape: float32 or, with a loss scale, maybe float16; not disposed.
   * @param scale A factor by which the optimizer has to multiply the gradients: 1 over a loss scale, or less to clip them. Only
   * given if the optimizer `takesLossScale`.
   */
  apply(
    weights: readonly Variable[],
    gradients: readonly Tensor[],
    scale?: GradientScale,
  ): void;
  /**
   * Whether `apply` multiplies gradients by a scale, skips steps whose gradients are not finite, and reads gradients that are
   * stored as float16. Training in float16 and clipping need all three. Default false.
   */
  readonly takesLossScale?: boolean;
  /**
   * Gives what the optimizer keeps, so that another one can go on from it.
   *
   * @returns The optimizer's own tensors, which change with every step; none before the first step, or if it keeps nothing.
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

/** Makes a tensor of zeros for each weight, which the caller owns and may change in place. */
export function zerosLike(weights: readonly Tensor[]): Variable[] {
  return weights.map((w) => tf.tidy(() => tf.variable(tf.zerosLike(w), false)));
}

/** Copies tensors; the caller owns the copies and may change them in place. */
export function copiesOf(tensors: readonly Tensor[]): Variable[] {
  return tensors.map((t) => tf.tidy(() => tf.variable(tf.clone(t), false)));
}

/**
 * Checks that a state has nothing, or all that an optimizer of a kind keeps; `what` completes "as it must be ...".
 *
 * @throws {OptionError} If it has another name, or only some of the names.
 */
export function requireKept(
  state: OptimizerState,
  names: readonly string[],
  what: string,
): void {
  const given = Object.keys(state);
  const isAll = names.every((name) => given.includes(name));
  if (given.length > 0 && (given.length !== names.length || !isAll)) {
    throw new OptionError("state", given.join(", "), what);
  }
}

/**
 * Checks that an optimizer's tensors belong to the network that it is used on.
 *
 * @throws {ShapeError} If there are not as many as weights, or one has another shape.
 */
export function requireFit(
  kept: readonly Tensor[],
  weights: readonly Tensor[],
): void {
  const shapes = (tensors: readonly Tensor[]) =>
    tensors.map(({ shape }) => `[${shape}]`).join(", ");
  if (shapes(kept) !== shapes(weights)) {
    throw new ShapeError(
      `Cannot go on from an optimizer's state of shapes ${
        shapes(kept)
      } as the network has ${shapes(weights)}: it was kept for another network`,
    );
  }
}
