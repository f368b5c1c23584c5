/**
 * What a replacement of a TensorFlow.js kernel is.
 *
 * @module
 */

import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";

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
