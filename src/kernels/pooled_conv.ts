/**
 * Convolution and max pooling of a batch, in parts where the unpooled output of all images would be larger than the
 * adapter binds.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../backend/tf.ts";
import { addInPlace } from "./add_in_place.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  type ConvEpilogue,
} from "./conv2d.ts";
import type { ConvSizes } from "./conv_view.ts";
import { asTensor } from "./differentiable.ts";
import { flush } from "./dispatch.ts";
import { cutImages, imagesOf, imageStep } from "./image_parts.ts";
import {
  makePooled,
  maxPoolGradientAt,
  maxPoolWithPlaces,
  type PooledWithPlaces,
} from "./max_pool.ts";
import type { PoolSizes } from "./pool_shader.ts";

/** Sizes of a convolution and of the max pooling of its output. */
export interface PooledConvSizes {
  readonly conv: ConvSizes;
  readonly pool: PoolSizes;
  /** Most bytes of the unpooled output. */
  readonly maxBytes: number;
}

/** Gradients of a convolution. */
export interface ConvGradients {
  readonly kernel: Tensor;
  /** That of the input, where it is wanted. */
  readonly x?: Tensor;
}

/**
 * The multiple of images that a part of a batch has to begin at.
 *
 * @param input Elements per image of the input.
 * @param pooled Elements per image of the pooled output.
 * @returns Number of images.
 */
export function pooledConvStep(input: number, pooled: number): number {
  return imageStep([input, pooled]);
}

/**
 * Computes the largest values of the windows of `activation(conv2d(x, filter) + bias)`, and their places. What is not
 * pooled yet is freed at once.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, NHWC, and `filter`, HWIO, float32, and what follows the sum.
 * @param sizes Sizes of both.
 * @returns Values and places.
 */
export function pooledConv(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: PooledConvSizes,
): PooledWithPlaces {
  const output = makePooled(backend, sizes.pool);
  _forEachPart(backend, sizes, ({ conv, pool, of }) => {
    const x = of(tensors.x);
    const y = conv2dForward(backend, { ...tensors, x }, conv);
    maxPoolWithPlaces(backend, y, pool, {
      pooled: of(output.pooled),
      places: of(output.places),
    });
    backend.disposeData(y.dataId);
  });
  return output;
}

/**
 * Gradients of {@linkcode pooledConv} from that of the largest biased sums.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors What went in, their gradient `dy` and their places.
 * @param sizes Sizes of both, and whether the gradient of `x` is wanted.
 * @returns The gradients.
 */
export function pooledConvGradients(
  backend: WebGPUBackend,
  tensors: {
    x: TensorInfo;
    filter: TensorInfo;
    dy: TensorInfo;
    places: TensorInfo;
  },
  sizes: PooledConvSizes & { needsInputGradient: boolean },
): ConvGradients {
  const { filter } = tensors;
  const { needsInputGradient } = sizes;
  const parts: ConvGradients[] = [];
  _forEachPart(backend, sizes, ({ conv, pool, of }) => {
    const { x, dy, places } = tensors;
    const unpooled = { dy: of(dy), places: of(places) };
    const dz = maxPoolGradientAt(backend, unpooled, pool);
    const gradient = { x: of(x), filter, dz };
    const options = { sizes: conv, needsInputGradient };
    parts.push(convGradients(backend, gradient, options));
    backend.disposeData(dz.dataId);
  });
  const [{ kernel }, ...others] = parts;
  for (const { kernel: term } of others) {
    addInPlace(backend, kernel, term);
    term.dispose();
  }
  if (!needsInputGradient || others.length === 0) return parts[0];
  const inputs = parts.map(({ x }) => x!);
  const x = tf.concat(inputs);
  tf.dispose(inputs);
  return { kernel, x };
}

/**
 * Gradients of a convolution from that of its sums.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors What went in, and the gradient `dz` of the sums.
 * @param options Sizes of the convolution, and whether the gradient of `x` is wanted.
 * @returns The gradients.
 */
export function convGradients(
  backend: WebGPUBackend,
  { x, filter, dz }: { x: TensorInfo; filter: TensorInfo; dz: TensorInfo },
  options: { sizes: ConvSizes; needsInputGradient: boolean },
): ConvGradients {
  const { sizes, needsInputGradient } = options;
  return {
    kernel: asTensor(conv2dFilterGradient(backend, { x, dy: dz }, sizes)),
    x: needsInputGradient
      ? asTensor(conv2dInputGradient(backend, { dy: dz, filter }, sizes))
      : undefined,
  };
}

/** Runs something on each part of the batch: with its sizes, and with what gives its images of a tensor. */
function _forEachPart(
  backend: WebGPUBackend,
  { conv, pool, maxBytes }: PooledConvSizes,
  run: (part: {
    conv: ConvSizes;
    pool: PoolSizes;
    of: (tensor: TensorInfo) => TensorInfo;
  }) => void,
): void {
  const step = pooledConvStep(
    conv.inHeight * conv.inWidth * conv.inChannels,
    pool.outHeight * pool.outWidth * pool.channels,
  );
  const size = conv.outHeight * conv.outWidth * conv.outChannels;
  const parts = cutImages(conv.batch, { size, step, maxBytes });
  for (const part of parts) {
    const batch = part.count;
    // Submits what was recorded before, so that its memory can be used again.
    if (parts.length > 1) flush(backend);
    run({
      conv: { ...conv, batch },
      pool: { ...pool, batch },
      of: (tensor) => imagesOf(tensor, part),
    });
  }
}
