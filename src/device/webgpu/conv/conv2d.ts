/**
 * Convolution and its gradients: as matrix products, or by tiles.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { convWays } from "./conv_ways.ts";
import {
  directFilterGradient,
  directForward,
  directInputGradient,
} from "./direct_conv.ts";
import type { ConvEpilogue } from "../wgsl/epilogue.ts";
import type { StoredType } from "../run/recorder.ts";
import { traitsOf } from "../run/traits.ts";
import { keyOf, runOperation } from "../run/ways.ts";
import {
  winogradFilterGradient,
  winogradForward,
  winogradInputGradient,
} from "./winograd.ts";

/**
 * Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `filter`, HWIO, float32 or float16, and what follows the sum.
 * @param sizes Sizes of the convolution.
 * @returns The output.
 */
export function conv2dForward(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: ConvSizes,
): TensorInfo {
  const { x, filter, bias, activation, stored } = tensors;
  const key = convKey("conv2d", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [x, filter]),
    ways,
    usual,
    run(way, [x, filter, bias]) {
      const tile = tileOf(way);
      const tensors = { x, filter, bias, activation, stored };
      return tile === undefined
        ? directForward(backend, tensors, sizes, key)
        : winogradForward(backend, tensors, { sizes, m: tile, key });
    },
  }, bias === undefined ? [x, filter] : [x, filter, bias]);
}

/**
 * Gradient of a convolution with respect to its input.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, `[batch, outHeight, outWidth, outChannels]`, and `filter`, HWIO, float32 or float16, and what the
 * gradient is to store: default float32.
 * @param sizes Sizes of the convolution.
 * @returns `[batch, inHeight, inWidth, inChannels]`.
 */
export function conv2dInputGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; filter: TensorInfo; stored?: StoredType },
  sizes: ConvSizes,
): TensorInfo {
  const { stored } = tensors;
  const key = convKey("conv2d input gradient", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [tensors.dy, tensors.filter]),
    ways,
    usual,
    run(way, [dy, filter]) {
      const tile = tileOf(way);
      return tile === undefined
        ? directInputGradient(backend, { dy, filter, stored }, sizes, key)
        : winogradInputGradient(backend, { dy, filter, stored }, {
          sizes,
          m: tile,
          key,
        });
    },
  }, [tensors.dy, tensors.filter]);
}

/**
 * Gradient of a convolution with respect to its filter.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, `[batch, inHeight, inWidth, inChannels]`, and `dy`, `[batch, outHeight, outWidth, outChannels]`,
 * float32 or float16.
 * @param sizes Sizes of the convolution.
 * @returns float32 HWIO.
 */
export function conv2dFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
): TensorInfo {
  const key = convKey("conv2d filter gradient", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [tensors.x, tensors.dy]),
    ways,
    usual,
    run(way, [x, dy]) {
      const tile = tileOf(way);
      return tile === undefined
        ? directFilterGradient(backend, { x, dy }, sizes, key)
        : winogradFilterGradient(backend, { x, dy }, { sizes, m: tile, key });
    },
  }, [tensors.x, tensors.dy]);
}

/**
 * Names a convolution.
 *
 * @param operation What is computed of it.
 * @param s Its sizes.
 * @returns A key with every size.
 */
export function convKey(operation: string, s: ConvSizes): string {
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
