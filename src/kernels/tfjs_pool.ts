/**
 * TensorFlow.js's max pooling kernels, by ours.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../backend/tf.ts";
import { areFloats } from "./coverage.ts";
import { maxPool, maxPoolGradient, type PoolSizes } from "./max_pool.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

/** The kernels by name. */
export const POOL_KERNELS: Readonly<Record<string, Kernel>> = {
  MaxPool: ({ backend, inputs: { x }, attrs }) => {
    const sizes = _sizesOf(x, attrs);
    if (sizes === undefined) return;
    return maxPool(backend, x, sizes);
  },
  MaxPoolGrad: ({ backend, inputs: { dy, input }, attrs }) => {
    const sizes = _sizesOf(input, attrs);
    if (sizes === undefined || !areFloats(dy)) return;
    return maxPoolGradient(backend, { dy, x: input }, sizes);
  },
};

/** Sizes of a pooling, if it is one that our kernels cover: float32 and not empty. */
function _sizesOf(
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: KernelCall["attrs"],
): PoolSizes | undefined {
  const info = tf.backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize as number,
    strides as number,
    1,
    pad as number,
    dimRoundingMode as "floor",
  );
  if (!areFloats(x) || info.outShape.some((n) => n < 1)) return;
  return {
    batch: info.batchSize,
    inHeight: info.inHeight,
    inWidth: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    windowHeight: info.effectiveFilterHeight,
    windowWidth: info.effectiveFilterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}
