/**
 * Convolution and max pooling of a batch, in parts where the unpooled output of all images would be larger than the
 * adapter binds.
 *
 * @module
 */

import { type ConvSizes, imageStep, type PoolSizes } from "../../sizes.ts";
import { tf } from "../../tf.ts";
import { addInPlace } from "../update/update_in_place.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  convKey,
} from "./conv2d.ts";
import { asFloats, asTensor, takeInfo } from "../../tape.ts";
import type { ConvEpilogue } from "../wgsl/wgsl.ts";
import { cutImages, imagesOf } from "./image_parts.ts";
import {
  makePooled,
  maxPoolGradientAt,
  maxPoolWithPlaces,
  type PooledWithPlaces,
  poolKey,
} from "../pool/pool.ts";
import {
  fitsSparse,
  randomPlaces,
  sparseFilterGradient,
} from "./sparse_filter.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { keyOf, runOperation } from "../run/ways.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Sizes of a convolution and of the max pooling of its output. */
export interface PooledConvSizes {
  readonly conv: ConvSizes;
  readonly pool: PoolSizes;
  /** Most bytes of the unpooled output. */
  readonly maxBytes: number;
}

/** Gradients of a convolution, which the caller owns. */
export interface ConvGradients {
  /** float32 HWIO. */
  readonly kernel: TensorInfo;
  /** That of the input, float32 NHWC, where it is wanted. */
  readonly x?: TensorInfo;
}

/**
 * Computes the largest values of the windows of `activation(conv2d(x, filter) + bias)`, and their places. What is not
 * pooled yet is freed at once.
 */
export function pooledConv(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: PooledConvSizes,
): PooledWithPlaces {
  const output = makePooled(backend, sizes.pool, tensors.stored);
  const stored = storedTypes(backend, tensors.x, output.pooled);
  forEachPart(sizes, stored, ({ conv, pool, of }) => {
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

/** Gradients of {@linkcode pooledConv} from that of the largest biased sums. */
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
  const { x, filter, dy, places } = tensors;
  const { conv, pool, needsInputGradient } = sizes;
  if (needsInputGradient || !fitsSparse(conv)) {
    return unpooledGradients(backend, tensors, sizes);
  }
  const key = convKey("conv2d pooled filter gradient", conv);
  const kernel = runOperation(backend, {
    key: keyOf(backend, poolKey(key, pool), [dy]),
    ways: ["sparse", "unpooled"],
    usual: "sparse",
    run: (way, [x, dy, places]) =>
      way === "sparse"
        ? sparseFilterGradient(backend, { x, dy, places }, { conv, pool }, key)
        : unpooledGradients(backend, { x, filter, dy, places }, sizes).kernel,
    sample: (index) => index === 2 ? randomPlaces(pool) : undefined,
  }, [x, dy, places]);
  return { kernel };
}

/** Gradients by way of the gradient of the unpooled output. */
function unpooledGradients(
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
  const stored = storedTypes(backend, tensors.x, tensors.dy);
  forEachPart(sizes, stored, ({ conv, pool, of }) => {
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
    backend.disposeData(term.dataId);
  }
  if (!needsInputGradient || others.length === 0) return parts[0];
  // TensorFlow.js's kernel reads float32.
  const x = tf.tidy(() =>
    tf.concat(parts.map(({ x }) => asFloats(asTensor(x!))))
  );
  return { kernel, x: takeInfo(x) };
}

/** Gradients of a convolution from that of its sums. */
export function convGradients(
  backend: WebGPUBackend,
  { x, filter, dz }: { x: TensorInfo; filter: TensorInfo; dz: TensorInfo },
  options: { sizes: ConvSizes; needsInputGradient: boolean },
): ConvGradients {
  const { sizes, needsInputGradient } = options;
  const stored = storedType(backend, x);
  return {
    kernel: conv2dFilterGradient(backend, { x, dy: dz }, sizes),
    x: needsInputGradient
      ? conv2dInputGradient(backend, { dy: dz, filter, stored }, sizes)
      : undefined,
  };
}

/** What the input and the pooled tensor store. */
function storedTypes(
  backend: WebGPUBackend,
  input: TensorInfo,
  pooled: TensorInfo,
): { input: StoredType; pooled: StoredType } {
  return {
    input: storedType(backend, input),
    pooled: storedType(backend, pooled),
  };
}

/**
 * Runs something on each part of the batch: with its sizes, and with what gives its images of a tensor. Parts may have twice
 * as many images, and begin at multiples of twice as many, where the tensors store float16.
 */
function forEachPart(
  { conv, pool, ...sizes }: PooledConvSizes,
  { input, pooled }: { input: StoredType; pooled: StoredType },
  run: (part: {
    conv: ConvSizes;
    pool: PoolSizes;
    of: (tensor: TensorInfo) => TensorInfo;
  }) => void,
): void {
  const step = imageStep([
    conv.inHeight * conv.inWidth * conv.inChannels,
    pool.outHeight * pool.outWidth * pool.channels,
  ], [input, pooled].includes("float16") ? 2 : 4);
  const size = conv.outHeight * conv.outWidth * conv.outChannels;
  const maxBytes = sizes.maxBytes * (pooled === "float16" ? 2 : 1);
  for (const part of cutImages(conv.batch, { size, step, maxBytes })) {
    const batch = part.count;
    run({
      conv: { ...conv, batch },
      pool: { ...pool, batch },
      of: (tensor) => imagesOf(tensor, part),
    });
  }
}
