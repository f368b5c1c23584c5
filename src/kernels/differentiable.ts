/**
 * Operations of our own with gradients of our own, for TensorFlow.js's tape.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../backend/tf.ts";
import { castTo } from "./cast.ts";
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
    gradFunc: (dy, saved) => gradient(asNumbers(dy), saved),
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
 * A tensor that stores float32 or float16, as our kernels need it, whatever it was cast from.
 *
 * @param x float32 by its type.
 * @returns The same tensor or, on WebGPU where it stores something else, a copy of it that the current scope owns.
 */
export function asNumbers<T extends Tensor>(x: T): T {
  if (tf.getBackend() !== "webgpu") return x;
  const type = storedType(tf.backend() as WebGPUBackend, x);
  return type === "float32" || type === "float16" ? x : tf.add(x, 0) as T;
}

/**
 * A tensor that stores float32, as everything else needs it.
 *
 * @param x float32 by its type.
 * @returns The same tensor or, on WebGPU where it stores something else, a copy of it that the current scope owns,
 * differentiable.
 */
export function asFloats<T extends Tensor>(x: T): T {
  const numbers = asNumbers(x);
  if (tf.getBackend() !== "webgpu") return numbers;
  const backend = tf.backend() as WebGPUBackend;
  if (storedType(backend, numbers) === "float32") return numbers;
  return differentiable(
    [numbers],
    () => readAs(backend, numbers, "float32"),
    (dy) => [tf.clone(dy)],
  ) as T;
}

/**
 * A tensor as kernels are to read it.
 *
 * @param backend The backend that holds it.
 * @param x A tensor that stores float32 or float16.
 * @param type What is to be read.
 * @returns The same tensor or, where it stores something else, a copy of it that the current scope owns.
 */
export function readAs(
  backend: WebGPUBackend,
  x: Tensor,
  type: "float32" | "float16",
): Tensor {
  return storedType(backend, x) === type
    ? x
    : asTensor(castTo(backend, x, type));
}
