/**
 * TensorFlow.js's max pooling kernels, by ours.
 *
 * @module
 */

import {
  type AnyBackend,
  areFloats,
  type Kernel,
  type KernelCall,
} from "./kernel.ts";
import { poolOutputShape, type PoolSizes, poolSizes } from "../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** Max pooling and its gradient as a backend computes them, float32; undefined where it does not. */
export interface MaxPoolOperations<Backend> {
  /** Largest value of each window. */
  forward(
    backend: Backend,
    x: TensorInfo,
    sizes: PoolSizes,
  ): TensorInfo | undefined;
  /** Gradient by the input `x`. */
  gradient(
    backend: Backend,
    tensors: { dy: TensorInfo; x: TensorInfo },
    sizes: PoolSizes,
  ): TensorInfo | undefined;
}

/** The kernels by name. */
export function maxPoolKernels<Backend extends AnyBackend>(
  operations: MaxPoolOperations<Backend>,
): Record<string, Kernel<Backend>> {
  return {
    MaxPool: ({ backend, inputs: { x }, attrs }) => {
      const sizes = sizesOf(backend, x, attrs);
      if (sizes === undefined) return;
      return operations.forward(backend, x, sizes);
    },
    MaxPoolGrad: ({ backend, inputs: { dy, input }, attrs }) => {
      const sizes = sizesOf(backend, input, attrs);
      if (sizes === undefined || !areFloats(backend, dy)) return;
      if (`${dy.shape}` !== `${poolOutputShape(sizes)}`) return;
      return operations.gradient(backend, { dy, x: input }, sizes);
    },
  };
}

/** Sizes of a pooling, if it is one that our kernels cover: float32 and not empty. */
function sizesOf(
  backend: AnyBackend,
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: KernelCall["attrs"],
): PoolSizes | undefined {
  if (!areFloats(backend, x)) return;
  const sizes = poolSizes({
    inShape: x.shape,
    filterSize: filterSize as number,
    strides: strides as number,
    pad: pad as number,
    dimRoundingMode,
  });
  return sizes.outHeight > 0 && sizes.outWidth > 0 ? sizes : undefined;
}
