/**
 * Tensors that an optimizer keeps from step to step.
 *
 * @module
 */

import { type Tensor, tf, type Variable } from "../device/tf.ts";
import { OptionError, ShapeError } from "../errors.ts";
import type { OptimizerState } from "./optimizer.ts";

/**
 * Makes a tensor of zeros for each weight.
 *
 * @param weights The weights.
 * @returns The tensors, which the caller owns and may change in place.
 */
export function zerosLike(weights: readonly Tensor[]): Variable[] {
  return weights.map((w) => tf.tidy(() => tf.variable(tf.zerosLike(w), false)));
}

/**
 * Copies tensors.
 *
 * @param tensors Tensors, not disposed.
 * @returns The copies, which the caller owns and may change in place.
 */
export function copiesOf(tensors: readonly Tensor[]): Variable[] {
  return tensors.map((t) => tf.tidy(() => tf.variable(tf.clone(t), false)));
}

/**
 * Checks what an optimizer is to go on from: nothing, or all that its kind keeps.
 *
 * @param state The tensors, by name.
 * @param names The names that its kind keeps.
 * @param what Completes "as it must be ...", for example "velocity alone, as SGD keeps nothing else".
 * @throws {OptionError} If it has another name, or some of the names only.
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
 * Checks that what an optimizer went on from is of the network that it is used on.
 *
 * @param kept A tensor per weight.
 * @param weights The weights.
 * @throws {ShapeError} If there are more or fewer, or one has another shape.
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
