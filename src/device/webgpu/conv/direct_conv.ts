/**
 * Convolution and its gradients as one matrix product each, which reads the images through views.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { ConvEpilogue } from "../wgsl/epilogue.ts";
import { inputPatches, inputTaps, outputPatches } from "./conv_view.ts";
import { filterTransposed } from "./filter_view.ts";
import { runProduct } from "../gemm/product.ts";
import type { StoredType } from "../run/recorder.ts";
import { matrix } from "../gemm/view.ts";

/**
 * Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `filter`, HWIO, float32 or float16, and what follows the sum.
 * @param sizes Sizes of the convolution.
 * @param key Names it and all of its sizes.
 * @returns The output, float32 or float16.
 */
export function directForward(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { batch, outHeight, outWidth, outChannels } = sizes;
  const depth = sizes.filterHeight * sizes.filterWidth * sizes.inChannels;
  return runProduct(backend, {
    // The product is an operation of its own, with ways of its own.
    key: `${key} product`,
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
    stored: tensors.stored,
    outputShape: [batch, outHeight, outWidth, outChannels],
  });
}

/**
 * Gradient of a convolution with respect to its input.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, `[batch, outHeight, outWidth, outChannels]`, and `filter`, HWIO, float32 or float16.
 * @param sizes Sizes of the convolution.
 * @param key Names it and all of its sizes.
 * @returns float32 or float16 `[batch, inHeight, inWidth, inChannels]`.
 */
export function directInputGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; filter: TensorInfo; stored?: StoredType },
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { batch, inHeight, inWidth, inChannels } = sizes;
  return runProduct(backend, {
    key: `${key} product`,
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
    stored: tensors.stored,
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
 * @param key Names it and all of its sizes.
 * @returns float32 HWIO.
 */
export function directFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = sizes;
  const depth = sizes.batch * sizes.outHeight * sizes.outWidth;
  return runProduct(backend, {
    key: `${key} product`,
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
