/**
 * Values of tensors on the host, for whoever sends them elsewhere.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../../tf.ts";
import { ownFloats } from "../../onednn/device.ts";
import { recorderOf } from "./recorder.ts";

/**
 * Takes the values of a tensor that nobody reads any more: the tensor may only be disposed afterwards. On WebGPU the copy is
 * queued behind the work so far, and work that is asked for later does not delay it.
 *
 * @param tensor float32.
 * @returns The values, which may be changed without a change to other tensors: on the CPU at once, and the tensor's own where
 * they are in no other.
 */
export function takeValues(
  tensor: Tensor,
): Float32Array | Promise<Float32Array> {
  if (tf.getBackend() === "webgpu") {
    const values = tensor.data() as Promise<Float32Array>;
    return _isReadAlone(tensor) ? values : values.then((v) => v.slice());
  }
  return ownFloats(tensor) ?? Float32Array.from(tensor.dataSync());
}

/** Whether nobody else has the array of a read that has just begun: TensorFlow.js keeps it with the memory on WebGPU. */
function _isReadAlone({ dataId }: Tensor): boolean {
  const backend = tf.backend() as WebGPUBackend;
  const { values } = recorderOf(backend).tensorMap.get(dataId);
  return values === null && backend.refCount(dataId) <= 1;
}
