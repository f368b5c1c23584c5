/**
 * Convolution and its gradients: as matrix products or, of few channels on a software adapter, by rows.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { FusedActivation } from "./activation.ts";
import { poolFitsRows } from "./average_pool.ts";
import {
  convRows,
  filterGradientRows,
  fitsRows,
  planFilterRows,
  pooledFilterGradientRows,
} from "./conv_rows.ts";
import { forwardRows, inputGradientRows } from "./conv_rows_shader.ts";
import {
  type ConvSizes,
  inputPatches,
  inputTaps,
  outputPatches,
} from "./conv_view.ts";
import { filterTransposed } from "./filter_view.ts";
import type { PoolSizes } from "./pool_shader.ts";
import { runProduct } from "./product.ts";
import { traitsOf } from "./tile.ts";
import { matrix } from "./view.ts";

/** What is added to a convolution and applied to it. */
export interface ConvEpilogue {
  /** float32 `[outChannels]`. */
  readonly bias?: TensorInfo;
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
}

/**
 * Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `filter`, HWIO, float32, and what follows the sum.
 * @param sizes Sizes of the convolution.
 * @returns The output, float32.
 */
export function conv2dForward(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: ConvSizes,
): TensorInfo {
  const { batch, outHeight, outWidth, outChannels } = sizes;
  const key = _key("conv2d", sizes);
  const byRows = forwardRows(sizes);
  if (fitsRows(traitsOf(backend), byRows)) {
    return convRows(backend, byRows, { ...tensors, from: tensors.x }, key);
  }
  const depth = sizes.filterHeight * sizes.filterWidth * sizes.inChannels;
  return runProduct(backend, {
    key,
    rows: batch * outHeight * outWidth,
    columns: outChannels,
    depth,
    batch: 1,
    views: () => ({
      left: inputPatches(sizes),
      right: matrix({ outer: outChannels, depth, along: "outer" }),
    }),
    activation: tensors.activation,
  }, {
    left: tensors.x,
    right: tensors.filter,
    bias: tensors.bias,
    outputShape: [batch, outHeight, outWidth, outChannels],
  });
}

/**
 * Gradient of a convolution with respect to its input.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, `[batch, outHeight, outWidth, outChannels]`, and `filter`, HWIO, float32.
 * @param sizes Sizes of the convolution.
 * @returns float32 `[batch, inHeight, inWidth, inChannels]`.
 */
export function conv2dInputGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; filter: TensorInfo },
  sizes: ConvSizes,
): TensorInfo {
  const { batch, inHeight, inWidth, inChannels } = sizes;
  const key = _key("conv2d input gradient", sizes);
  const byRows = inputGradientRows(sizes);
  if (fitsRows(traitsOf(backend), byRows)) {
    return convRows(backend, byRows, { ...tensors, from: tensors.dy }, key);
  }
  return runProduct(backend, {
    key,
    rows: batch * inHeight * inWidth,
    columns: inChannels,
    depth: sizes.filterHeight * sizes.filterWidth * sizes.outChannels,
    batch: 1,
    views: () => ({
      left: outputPatches(sizes),
      right: filterTransposed(sizes),
    }),
  }, {
    left: tensors.dy,
    right: tensors.filter,
    outputShape: [batch, inHeight, inWidth, inChannels],
  });
}

/**
 * Gradient of a convolution with respect to its filter.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, `[batch, inHeight, inWidth, inChannels]`, and `dy`, `[batch, outHeight, outWidth, outChannels]`,
 * float32.
 * @param sizes Sizes of the convolution.
 * @returns float32 HWIO.
 */
export function conv2dFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = sizes;
  const key = _key("conv2d filter gradient", sizes);
  const plan = planFilterRows(traitsOf(backend), sizes);
  if (plan !== undefined) {
    return filterGradientRows(backend, tensors, { sizes, plan, key });
  }
  const depth = sizes.batch * sizes.outHeight * sizes.outWidth;
  return runProduct(backend, {
    key,
    rows: filterHeight * filterWidth * inChannels,
    columns: outChannels,
    depth,
    batch: 1,
    views: () => ({
      left: inputTaps(sizes),
      right: matrix({ outer: outChannels, depth, along: "outer" }),
    }),
  }, {
    left: tensors.x,
    right: tensors.dy,
    outputShape: [filterHeight, filterWidth, inChannels, outChannels],
  });
}

/**
 * Gradients of a filter and of a bias that an activation and an average pooling follow, in one kernel.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, the output `y` of the activation and the gradient `dy` of the pooling's output, float32 NHWC.
 * @param options Sizes of convolution and pooling, and the activation.
 * @returns The gradients, float32, HWIO and `[outChannels]`; undefined where they have to be computed one by one.
 */
export function conv2dPooledFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; y: TensorInfo; dy: TensorInfo },
  options: { sizes: ConvSizes; pool: PoolSizes; activation: FusedActivation },
): { filter: TensorInfo; bias: TensorInfo } | undefined {
  const traits = traitsOf(backend);
  const plan = planFilterRows(traits, options.sizes);
  if (plan === undefined || !poolFitsRows(traits, options.pool)) return;
  const key = _key("conv2d pooled filter gradient", options.sizes);
  return pooledFilterGradientRows(backend, tensors, { ...options, plan, key });
}

/** Every size in a fixed order. */
function _key(operation: string, s: ConvSizes): string {
  return [
    operation,
    s.batch,
    s.inHeight,
    s.inWidth,
    s.inChannels,
    s.outHeight,
    s.outWidth,
    s.outChannels,
    s.filterHeight,
    s.filterWidth,
    s.strideHeight,
    s.strideWidth,
    s.padTop,
    s.padLeft,
  ].join(",");
}
