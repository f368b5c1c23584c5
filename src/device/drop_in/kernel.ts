/**
 * What a replacement of a TensorFlow.js kernel is, and which tensors ours take.
 *
 * @module
 */

import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import { storedType } from "../webgpu/run/recorder.ts";

/** A backend that has kernels of ours. */
export type AnyBackend = WebGPUBackend | CpuBackend;

/** What a kernel is called with. */
export interface KernelCall<Backend = AnyBackend> {
  /** The backend that holds the tensors. */
  readonly backend: Backend;
  /** Tensors by the names that TensorFlow.js gives them; one that is not given is absent. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** Options by the names that TensorFlow.js gives them. */
  readonly attrs: NamedAttrMap;
}

/** One of our kernels: computes, or returns `undefined` for a case that it leaves to TensorFlow.js. */
export type Kernel<Backend = AnyBackend> = (
  call: KernelCall<Backend>,
) => TensorInfo | undefined;

/** Whether all tensors hold float32 and are not empty. */
export function areFloats(
  backend: AnyBackend,
  ...tensors: readonly TensorInfo[]
): boolean {
  return tensors.every((tensor) =>
    tensor.dtype === "float32" && storesFloats(backend, tensor) &&
    tensor.shape.every((n) => n > 0)
  );
}

/**
 * Whether the work of a fused kernel after its sum is one that ours can do: a bias of one value per column, and no
 * activation or relu.
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

function storesFloats(backend: AnyBackend, tensor: TensorInfo): boolean {
  return "arrays" in backend
    ? backend.data.get(tensor.dataId).values instanceof Float32Array
    : storedType(backend, tensor) === "float32";
}
