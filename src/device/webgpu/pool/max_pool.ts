/**
 * Max pooling and its gradient.
 *
 * @module
 */

import {
  poolInputShape,
  poolOutputShape,
  type PoolSizes,
} from "../../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, type Tensor4D, tf } from "../../tf.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import type { Source } from "../wgsl/operand.ts";
import { programOf } from "../run/program.ts";
import { gradientShader, poolShader } from "./max_pool_shader.ts";
import { poolKey } from "./pool_shader.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/traits.ts";

/**
 * Largest value of each window; a NaN is ignored.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 or float16 `[batch, inHeight, inWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns float32 or float16 `[batch, outHeight, outWidth, channels]`.
 */
export function maxPool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const output = makeOutput(backend, poolOutputShape(sizes));
  const source = _sourceOf(backend, x);
  const key = `${poolKey("max pool", sizes)},${source}`;
  const program = programOf(
    backend,
    key,
    () => poolShader(sizes, { results: ["value"], nan: "ignored", source }),
  );
  dispatch(backend, program, [output, x]);
  return output;
}

/** The largest values of windows, and where they were. */
export interface PooledWithPlaces {
  /** float32 `[batch, outHeight, outWidth, channels]`. */
  readonly pooled: TensorInfo;
  /** int32, of the same shape: row times `inWidth` plus column of the first largest value. */
  readonly places: TensorInfo;
}

/**
 * Largest value of each window and its place, which is all that the gradient needs. Of a window that holds a NaN, the first
 * NaN, so that a network which goes astray is seen to.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 or float16 `[batch, inHeight, inWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @param output Where to write, if not to new tensors.
 * @returns Values and places.
 */
export function maxPoolWithPlaces(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
  output: PooledWithPlaces = makePooled(backend, sizes, storedType(backend, x)),
): PooledWithPlaces {
  const { pooled, places } = output;
  const source = _sourceOf(backend, x);
  const program = programOf(
    backend,
    `${poolKey("max pool with places", sizes)},${source}`,
    () =>
      poolShader(sizes, {
        results: ["value", "place"],
        nan: "largest",
        source,
      }),
  );
  dispatch(backend, program, [pooled, x, places]);
  return output;
}

/**
 * Makes the tensors that {@linkcode maxPoolWithPlaces} fills.
 *
 * @param backend The backend that holds them.
 * @param sizes Sizes of the pooling.
 * @param stored What the values are stored as. Default float32.
 * @returns Values and places, with undefined content.
 */
export function makePooled(
  backend: WebGPUBackend,
  sizes: PoolSizes,
  stored?: StoredType,
): PooledWithPlaces {
  return {
    pooled: makeOutput(backend, poolOutputShape(sizes), stored),
    places: makeOutput(backend, poolOutputShape(sizes), "int32"),
  };
}

/**
 * Gradient of max pooling, given the input: each gradient goes to the first largest value of its window
 * (a NaN is ignored).
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, `[batch, outHeight, outWidth, channels]`, and the input `x` of the pooling, float32 or float16.
 * @param sizes Sizes of the pooling.
 * @returns float32 or float16 `[batch, inHeight, inWidth, channels]`.
 */
export function maxPoolGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; x: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { dy, x } = tensors;
  const places = makeOutput(backend, poolOutputShape(sizes), "int32");
  const source = _sourceOf(backend, x);
  const key = `${poolKey("max pool places", sizes)},${source}`;
  const program = programOf(
    backend,
    key,
    () => poolShader(sizes, { results: ["place"], nan: "ignored", source }),
  );
  dispatch(backend, program, [places, x]);
  const dx = maxPoolGradientAt(backend, { dy, places }, sizes);
  backend.disposeData(places.dataId);
  return dx;
}

/**
 * Gradient of max pooling, given the places of the largest values.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors float32 or float16 `dy` and int32 `places`, `[batch, outHeight, outWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns float32 or float16 `[batch, inHeight, inWidth, channels]`.
 */
export function maxPoolGradientAt(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; places: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { dy } = tensors;
  const dx = makeOutput(
    backend,
    poolInputShape(sizes),
    storedType(backend, dy),
  );
  const source = _sourceOf(backend, dy);
  const key = `${poolKey("max pool gradient", sizes)},${source}`;
  const program = programOf(backend, key, () => gradientShader(sizes, source));
  dispatch(backend, program, [dx, tensors.places, dy]);
  return dx;
}

/**
 * Max pooling of a tensor on the WebGPU backend, differentiable; a NaN is the largest value of its window.
 *
 * @param x float32 or float16 `[batch, inHeight, inWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns float32 or float16 `[batch, outHeight, outWidth, channels]`.
 */
export function differentiableMaxPool(x: Tensor4D, sizes: PoolSizes): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  const input = asNumbers(x);
  return differentiable([input], (save) => {
    const { pooled, places } = maxPoolWithPlaces(backend, input, sizes);
    save([asTensor(places)]);
    return asTensor(pooled);
  }, (dy, [places]) => [
    asTensor(maxPoolGradientAt(backend, { dy, places }, sizes)),
  ]) as Tensor4D;
}

function _sourceOf(backend: WebGPUBackend, { shape }: TensorInfo): Source {
  const size = shape.reduce((product, n) => product * n, 1);
  return sourceOfPass(traitsOf(backend), size);
}
