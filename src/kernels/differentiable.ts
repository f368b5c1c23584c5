/**
 * Operations of our own with gradients of our own, for TensorFlow.js's tape.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../backend/tf.ts";
import { storedType } from "./recorder.ts";

/**
 * Runs an operation whose gradient is given.
 *
 * @param inputs Tensors that it is differentiable by.
 * @param forward Computes the output, and saves the tensors that the gradient needs.
 * @param gradient Computes the gradient by each input from the gradient of the output and what was saved.
 * @returns The output.
 */
export function differentiable(
  inputs: readonly Tensor[],
  forward: (save: (tensors: Tensor[]) => void) => Tensor,
  gradient: (dy: Tensor, saved: Tensor[]) => Tensor[],
): Tensor {
  const operation = tf.customGrad((...args) => ({
    value: forward(args.at(-1) as unknown as (tensors: Tensor[]) => void),
    gradFunc: (dy, saved) => gradient(asFloats(dy), saved),
  }));
  return operation(...inputs);
}

/**
 * Gives TensorFlow.js a tensor that one of our kernels made.
 *
 * @param info The tensor as kernels see it.
 * @returns The same tensor; the current scope owns it.
 */
export function asTensor(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

/**
 * Takes a tensor of TensorFlow.js as kernels see it.
 *
 * @param tensor A tensor, which is disposed.
 * @returns The same memory; the caller owns it.
 */
export function takeInfo(tensor: Tensor): TensorInfo {
  const { dataId, shape, dtype } = tensor;
  (tf.backend() as WebGPUBackend).incRef(dataId);
  tensor.dispose();
  return { dataId, shape, dtype };
}

/**
 * A tensor that holds float32, as our kernels need it, whatever it was cast from.
 *
 * @param x float32 by its type.
 * @returns The same tensor or, on WebGPU where it holds something else, a copy of it that the current scope owns.
 */
export function asFloats<T extends Tensor>(x: T): T {
  if (tf.getBackend() !== "webgpu") return x;
  const backend = tf.backend() as WebGPUBackend;
  return storedType(backend, x) === "float32" ? x : tf.add(x, 0) as T;
}
