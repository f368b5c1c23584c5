/**
 * Which tensors our kernels take.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";

/**
 * Whether all tensors are float32 and not empty.
 *
 * @param tensors Any tensors.
 * @returns Whether our kernels can take them.
 */
export function areFloats(...tensors: readonly TensorInfo[]): boolean {
  return tensors.every(({ dtype, shape }) =>
    dtype === "float32" && shape.every((n) => n > 0)
  );
}

/**
 * Whether the work of a fused kernel after its sum is one that ours can do: a bias of one value per column, and no
 * activation or relu.
 *
 * @param inputs `bias` and `preluActivationWeights`, if given.
 * @param activation The activation, if given.
 * @param columns Number of columns.
 * @returns Whether ours can do it.
 */
export function canFinish(
  inputs: { bias?: TensorInfo; preluActivationWeights?: TensorInfo },
  activation: unknown,
  columns: number,
): boolean {
  const { bias, preluActivationWeights } = inputs;
  if (preluActivationWeights) return false;
  if (activation && activation !== "linear" && activation !== "relu") {
    return false;
  }
  return !bias || (areFloats(bias) && bias.shape.at(-1) === columns &&
    bias.shape.slice(0, -1).every((n) => n === 1));
}
