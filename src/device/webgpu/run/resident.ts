/**
 * Bytes that stay on the device.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { makeFilled } from "./dispatch.ts";
import { flush, recorderOf } from "./recorder.ts";

/** Copies bytes to the device. */
export function makeResident(
  backend: WebGPUBackend,
  bytes: Uint8Array,
): TensorInfo {
  const { length, byteOffset, buffer } = bytes;
  const isWhole = byteOffset % 4 === 0 && length % 4 === 0 &&
    buffer instanceof ArrayBuffer;
  if (isWhole) {
    return makeFilled(backend, new Uint32Array(buffer, byteOffset, length / 4));
  }
  const words = new Uint32Array(Math.ceil(length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return makeFilled(backend, words);
}

/** Gives the memory of bytes back to the device at once, not to the pool of buffers. */
export function freeResident(
  backend: WebGPUBackend,
  { dataId }: TensorInfo,
): void {
  // Commands that wait may read it.
  flush(backend);
  const { tensorMap, bufferManager } = recorderOf(backend);
  const data = tensorMap.get(dataId);
  bufferManager.releaseBuffer(data.resource!, false);
  data.resource = undefined;
  backend.disposeData(dataId);
}
