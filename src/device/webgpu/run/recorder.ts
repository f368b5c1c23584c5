/** What TensorFlow.js's WebGPU backend keeps to itself: how it records, and what it knows of a tensor. */

import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** What a tensor's memory holds; float16 only where our kernels made it. */
export type StoredType = DataType | "float16";

/**
 * The members of `WebGPUBackend` (4.22.0) that recording a dispatch needs; `runWebGPUProgram` there does the same for
 * one output and uniforms of its own.
 */
export interface BackendMembers {
  readonly device: GPUDevice;
  readonly bufferManager: {
    acquireBuffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer;
    releaseBuffer(buffer: GPUBuffer, reuse: boolean): void;
  };
  readonly tensorMap: {
    get(
      dataId: object,
    ): {
      resource?: GPUBuffer;
      values: ArrayLike<number> | null;
      dtype: StoredType;
    };
  };
  computePassEncoder: GPUComputePassEncoder | null;
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  readonly activeTimers?: { name: string; query: Promise<number> }[];
  readonly supportTimestampQuery: boolean;
  readonly querySetCount: number;
  querySet: GPUQuerySet | null;
  uploadToGPU(dataId: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  getQueryTime(): Promise<number>;
}

/** The backend with its inner members. */
export function recorderOf(backend: WebGPUBackend): BackendMembers {
  return backend as unknown as BackendMembers;
}

/** Submits what has been recorded. */
export function flush(backend: WebGPUBackend): void {
  const recorder = recorderOf(backend);
  if (recorder.commandEncoder === null) return;
  recorder.endComputePassEncoder();
  recorder.submitQueue();
}

/**
 * The type of what a tensor holds. TensorFlow.js casts int32 and bool to float32 by calling the same memory float32.
 */
export function storedType(
  backend: WebGPUBackend,
  { dataId }: TensorInfo,
): StoredType {
  return recorderOf(backend).tensorMap.get(dataId).dtype;
}

/** The content of a tensor that is still on the host. */
export function valuesOnHost(
  backend: WebGPUBackend,
  { dataId }: TensorInfo,
): ArrayLike<number> | undefined {
  const data = recorderOf(backend).tensorMap.get(dataId);
  return data.resource == null ? data.values ?? undefined : undefined;
}
