/**
 * Values of tensors on the host, for whoever sends them elsewhere.
 *
 * @module
 */

import { type Tensor, tf } from "../backend/tf.ts";
import { ownFloats } from "./native/device.ts";

/**
 * Takes the values of a tensor that nobody reads any more: the tensor may only be disposed afterwards. On WebGPU the copy is
 * queued behind the work so far, and work that is asked for later does not delay it.
 *
 * @param tensor float32.
 * @returns The values, which may be changed: on the CPU at once, and the tensor's own where they are in no other tensor.
 */
export function takeValues(
  tensor: Tensor,
): Float32Array | Promise<Float32Array> {
  if (tf.getBackend() === "webgpu") {
    return tensor.data() as Promise<Float32Array>;
  }
  return ownFloats(tensor) ?? Float32Array.from(tensor.dataSync());
}
