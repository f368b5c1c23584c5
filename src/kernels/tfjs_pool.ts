/**
 * TensorFlow.js's max pooling kernels, by ours.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { areFloats } from "./coverage.ts";
import { poolSizes } from "./sizes.ts";
import { maxPool, maxPoolGradient } from "./max_pool.ts";
import { poolOutputShape, type PoolSizes } from "./pool_shader.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

/** The kernels by name. */
export const POOL_KERNELS: Readonly<Record<string, Kernel>> = {
  MaxPool: ({ backend, inputs: { x }, attrs }) => {
    const sizes = _sizesOf(backend, x, attrs);
    if (sizes === undefined) return;
    return maxPool(backend, x, sizes);
  },
  MaxPoolGrad: ({ backend, inputs: { dy, input }, attrs }) => {
    const sizes = _sizesOf(backend, input, attrs);
    if (sizes === undefined || !areFloats(backend, dy)) return;
    if (`${dy.shape}` !== `${poolOutputShape(sizes)}`) return;
    return maxPoolGradient(backend, { dy, x: input }, sizes);
  },
};

/** Sizes of a pooling, if it is one that our kernels cover: float32 and not empty. */
function _sizesOf(
  backend: WebGPUBackend,
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
