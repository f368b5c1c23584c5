/**
 * Which tensors our kernels take.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AnyBackend } from "./kernel.ts";
import { storedType } from "../webgpu/run/recorder.ts";

/**
 * Whether all tensors hold float32 and are not empty.
 *
 * @param backend The backend that holds them.
 * @param tensors Any tensors.
 * @returns Whether our kernels can take them.
 */
export function areFloats(
  backend: AnyBackend,
  ...tensors: readonly TensorInfo[]
): boolean {
  return tensors.every((tensor) =>
    tensor.dtype === "float32" && _storesFloats(backend, tensor) &&
    tensor.shape.every((n) => n > 0)
  );
}

function _storesFloats(backend: AnyBackend, tensor: TensorInfo): boolean {
  return "arrays" in backend
    ? backend.data.get(tensor.dataId).values instanceof Float32Array
    : storedType(backend, tensor) === "float32";
}

/**
 * Whether the work of a fused kernel after its sum is one that ours can do: a bias of one value per column, and no
 * activation or relu.
 *
 * @param backend The backend that holds the tensors.
 * @param inputs `bias` and `preluActivationWeights`, if given.
 * @param activation The activation, if given.
 * @param columns Number of columns.
 * @returns Whether ours can do it.
 */
export function canFinish(
  backend: AnyBackend,
  inputs: { bias?: TensorInfo; preluActivationWeights?: TensorInfo },
  activation: unknown,
  columns: number,
): boolean {
  const { bias, preluActivationWeights } = inputs;
  if (preluActivationWeights) return false;
  if (activation && activation !== "linear" && activation !== "relu") {
    return false;
  }
  return !bias || (areFloats(backend, bias) && bias.shape.at(-1) === columns &&
    bias.shape.slice(0, -1).every((n) => n === 1));
}
