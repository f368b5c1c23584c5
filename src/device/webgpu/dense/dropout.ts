/**
 * Dropout as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { Dropout, RandomKey } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../../tf.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import { dropoutShader } from "./dropout_shader.ts";
import { programOf } from "../run/program.ts";
import { storedType } from "../run/recorder.ts";
import { makeRandomKey } from "../wgsl/threefry.ts";

/**
 * Drops elements of a new tensor. No mask is kept: the gradient draws the same numbers again.
 *
 * @param x float32 or float16 of any shape, on the WebGPU backend.
 * @param options What to drop.
 * @returns float32 or float16 of the same shape.
 */
export function fusedDropout(x: Tensor, options: Dropout): Tensor {
  const { rate, key } = options;
  const backend = tf.backend() as WebGPUBackend;
  const run = (values: TensorInfo): Tensor => {
    const random = makeRandomKey(backend, key);
    const output = makeOutput(
      backend,
      values.shape,
      storedType(backend, values),
    );
    const program = programOf(
      backend,
      `dropout,${x.size},${rate}`,
      () => dropoutShader(x.size, { rate, isInPlace: false }),
    );
    dispatch(backend, program, [output, random, values]);
    backend.disposeData(random.dataId);
    return asTensor(output);
  };
  const input = asNumbers(x);
  return differentiable([input], () => run(input), (dy) => [run(dy)]);
}

/**
 * Drops elements of a tensor that was just made, where it is.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 or float16 of any shape, which nothing has read yet.
 * @param options What to drop.
 */
export function dropInPlace(
  backend: WebGPUBackend,
  x: TensorInfo,
  { rate, key }: Dropout,
): void {
  const size = tf.util.sizeFromShape(x.shape);
  const random = makeRandomKey(backend, key);
  const program = programOf(
    backend,
    `dropout in place,${size},${rate}`,
    () => dropoutShader(size, { rate, isInPlace: true }),
  );
  dispatch(backend, program, [x, random]);
  backend.disposeData(random.dataId);
}
