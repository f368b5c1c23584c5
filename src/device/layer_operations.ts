/**
 * What layers are made of, on whichever backend is in use: WebGPU, or the CPU with native kernels.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "./tf.ts";
import { differentiableAveragePool } from "./webgpu/pool/average_pool.ts";
import {
  type CrossEntropy,
  crossEntropy,
} from "./webgpu/loss/cross_entropy.ts";
import { type Dropout, fusedDropout } from "./webgpu/dense/dropout.ts";
import {
  fusedConv2d,
  type FusedConvOptions,
} from "./webgpu/conv/fused_conv2d.ts";
import {
  fusedDense,
  type FusedDenseOptions,
} from "./webgpu/dense/fused_dense.ts";
import { differentiableMaxPool } from "./webgpu/pool/max_pool.ts";
import { nativeCrossEntropy } from "./onednn/cross_entropy.ts";
import { floatsOf, isNative } from "./onednn/device.ts";
import {
  nativeConvLayer,
  nativeDenseLayer,
  nativeDropoutLayer,
  nativePoolLayer,
} from "./onednn/layers.ts";
import type { PoolSizes } from "./webgpu/pool/pool_shader.ts";
import { valuesOnHost } from "./webgpu/run/recorder.ts";

/**
 * Computes `pool(activation(conv2d(x, kernel) + bias))`, differentiable.
 *
 * @param tensors `x`, NHWC, `kernel`, HWIO, and `bias`, `[outChannels]`.
 * @param options What to compute.
 * @returns NHWC.
 */
export function convLayer(
  tensors: { x: Tensor4D; kernel: Tensor4D; bias: Tensor },
  options: FusedConvOptions,
): Tensor4D {
  return isNative()
    ? nativeConvLayer(tensors, options)
    : fusedConv2d(tensors, options);
}

/**
 * Computes `dropout(activation(x * kernel + bias))`, differentiable.
 *
 * @param tensors `x`, `[batch, in]`, `kernel`, `[in, out]`, and `bias`, `[out]`.
 * @param options What follows the bias.
 * @returns `[batch, out]`.
 */
export function denseLayer(
  tensors: { x: Tensor2D; kernel: Tensor2D; bias: Tensor },
  options: FusedDenseOptions,
): Tensor2D {
  return isNative()
    ? nativeDenseLayer(tensors, options)
    : fusedDense(tensors, options);
}

/**
 * Largest value, or mean, of each window, differentiable.
 *
 * @param x `[batch, inHeight, inWidth, channels]`.
 * @param kind Which.
 * @param sizes Sizes of the pooling.
 * @returns `[batch, outHeight, outWidth, channels]`.
 */
export function poolLayer(
  x: Tensor4D,
  kind: "max" | "average",
  sizes: PoolSizes,
): Tensor {
  if (isNative()) return nativePoolLayer(x, kind, sizes);
  return kind === "average"
    ? differentiableAveragePool(x, sizes)
    : differentiableMaxPool(x, sizes);
}

/**
 * Drops elements, differentiable.
 *
 * @param x Of any shape.
 * @param options What to drop.
 * @returns Of the same shape.
 */
export function dropoutLayer(x: Tensor, options: Dropout): Tensor {
  return isNative() ? nativeDropoutLayer(x, options) : fusedDropout(x, options);
}

/**
 * Loss, correct count and gradient of a batch.
 *
 * @param tensors float32 logits `[batch, classes]` and int32 labels `[batch]`; a row whose label is not in [0, classes)
 * has the loss NaN.
 * @param count What to divide by: the size of the whole batch.
 * @returns The results.
 */
export function lossOf(
  tensors: { logits: TensorInfo; labels: TensorInfo },
  count: number,
): CrossEntropy {
  return isNative()
    ? nativeCrossEntropy(tensors, count)
    : crossEntropy(tf.backend() as WebGPUBackend, tensors, count);
}

/**
 * Whether a scalar is known to be 1, without waiting for the device.
 *
 * @param scalar float32 scalar.
 * @returns Whether it is; false where its value is on the device alone.
 */
export function isOne(scalar: TensorInfo): boolean {
  const values = isNative()
    ? floatsOf(scalar)
    : valuesOnHost(tf.backend() as WebGPUBackend, scalar);
  return values?.[0] === 1;
}
