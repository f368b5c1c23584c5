/**
 * Which tensors our kernels take.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { storedType } from "./recorder.ts";

/**
 * Whether all tensors hold float32 and are not empty.
 *
 * @param backend The backend that holds them.
 * @param tensors Any tensors.
 * @returns Whether our kernels can take them.
 */
export function areFloats(
  backend: WebGPUBackend,
  ...tensors: readonly TensorInfo[]
): boolean {
  return tensors.every((tensor) =>
    tensor.dtype === "float32" && storedType(backend, tensor) === "float32" &&
    tensor.shape.every((n) => n > 0)
  );
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
  backend: WebGPUBackend,
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
