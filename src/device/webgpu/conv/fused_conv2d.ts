/**
 * Convolution, bias, activation and pooling as one differentiable operation on the WebGPU backend. With max pooling it is
 * computed in parts of the batch where the unpooled output of all images would be larger than the adapter binds.
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedConvOptions } from "../../device.ts";
import { memo } from "../../memo.ts";
import {
  type ConvSizes,
  cutImages,
  imageStep,
  type PoolSizes,
} from "../../sizes.ts";
import {
  asFloats,
  asNumbers,
  asTensor,
  differentiable,
  takeInfo,
} from "../../tape.ts";
import { type Tensor, type Tensor4D, tf } from "../../tf.ts";
import { readAs } from "../cast.ts";
import { biasGradient } from "../dense/fused_dense.ts";
import {
  averagePool,
  averagePoolBiasGradient,
  makePooled,
  maxPoolGradientAt,
  maxPoolWithPlaces,
  type PooledWithPlaces,
  poolKey,
} from "../pool/pool.ts";
import { imagesOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { type Operation, runOperation, traitsOf } from "../run/ways.ts";
import { addInPlace } from "../update/update_in_place.ts";
import type { ConvEpilogue } from "../wgsl/wgsl.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  convKey,
  describeConv,
} from "./conv2d.ts";
import {
  fitsSparse,
  randomPlaces,
  sparseFilterGradient,
} from "./sparse_filter.ts";

/**
 * Computes `pool(activation(conv2d(x, kernel) + bias))`. For the gradient it keeps its inputs and its output and, with max
 * pooling, where the largest values were: the unpooled output is freed at once. Average pooling has it kept instead.
 */
export function fusedConv2d(
  tensors: { x: Tensor4D; kernel: Tensor4D; bias: Tensor },
  options: FusedConvOptions,
): Tensor4D {
  const { sizes, activation, pool, needsInputGradient, maxBytes } = options;
  const { stored = "float32" } = options;
  const backend = tf.backend() as WebGPUBackend;
  const [x, kernel, bias] = [tensors.x, tensors.kernel, tensors.bias].map(
    asNumbers<Tensor>,
  );
  const maxPooled = pool?.kind === "max"
    ? { conv: sizes, pool: pool.sizes, maxBytes }
    : undefined;
  const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
  return differentiable(inputs, (save) => {
    const filter = readAs(backend, kernel, stored);
    const tensors = { x, filter, bias, activation, stored };
    if (maxPooled !== undefined) {
      const { pooled, places } = pooledConv(backend, tensors, maxPooled);
      const output = asTensor(pooled);
      save([x, filter, output, asTensor(places)]);
      return output;
    }
    const y = asTensor(conv2dForward(backend, tensors, sizes));
    save([x, filter, y]);
    return pool === undefined
      ? y
      : asTensor(averagePool(backend, y, pool.sizes));
  }, (dy, [x, filter, y, places]) => {
    const gradient = { dy, after: activation && { y, activation } };
    const { bias, dz } = pool?.kind === "average"
      ? averagePoolBiasGradient(backend, gradient, pool.sizes)
      : biasGradient(backend, gradient);
    const read = { x, dy: dz, filter: needsInputGradient ? filter : undefined };
    const gradients = maxPooled === undefined
      ? convGradients(backend, read, sizes)
      : pooledConvGradients(backend, { ...read, places }, maxPooled);
    if (dz !== dy) backend.disposeData(dz.dataId);
    const dx = gradients.x === undefined ? [] : [gradients.x];
    return [gradients.kernel, bias, ...dx].map(asTensor);
  }) as Tensor4D;
}

/** Sizes of a convolution and of the max pooling of its output. */
interface PooledConvSizes {
  readonly conv: ConvSizes;
  readonly pool: PoolSizes;
  /** Most bytes of the unpooled output. */
  readonly maxBytes: number;
}

/** What the gradients of a max-pooled convolution are made of; that of the input is wanted where there is a filter. */
interface PooledTensors {
  readonly x: TensorInfo;
  /** That of the largest biased sums. */
  readonly dy: TensorInfo;
  readonly places: TensorInfo;
  readonly filter?: TensorInfo;
}

/** Gradients of a convolution, which the caller owns. */
interface ConvGradients {
  readonly kernel: TensorInfo;
  readonly x?: TensorInfo;
}

/**
 * Computes the largest values of the windows of `activation(conv2d(x, filter) + bias)`, and their places. What is not
 * pooled yet is freed at once.
 */
function pooledConv(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: PooledConvSizes,
): PooledWithPlaces {
  const output = makePooled(backend, sizes.pool, tensors.stored);
  const cut = { x: tensors.x, pooled: output.pooled };
  forEachPart(backend, sizes, cut, ({ conv, pool, of }) => {
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

/** Per adapter as it is or is pretended to be: the gradient of a filter whose output is max pooled. */
const operations = memo<Operation<PooledConvSizes>>();

/** Gradients of {@linkcode pooledConv} from that of the largest biased sums. */
function pooledConvGradients(
  backend: WebGPUBackend,
  tensors: PooledTensors,
  sizes: PooledConvSizes,
): ConvGradients {
  const { x, filter, dy, places } = tensors;
  if (filter) return unpooledGradients(backend, tensors, sizes);
  const { conv, pool } = sizes;
  const name = convKey("conv2d pooled filter gradient", conv);
  const key = poolKey(name, pool);
  const operation = operations(traitsOf(backend), key, () => ({
    key,
    what: describeConv("conv2d pooled filter gradient", conv),
    ways: [
      {
        name: "sparse",
        fits: fitsSparse(conv),
        run: (backend, tensors, sizes) =>
          sparseFilterGradient(backend, tensors, sizes, name),
      },
      {
        name: "unpooled",
        fits: true,
        run: (backend, [x, dy, places], sizes) =>
          unpooledGradients(backend, { x, dy, places }, sizes).kernel,
      },
    ],
    sample: (index) => index === 2 ? randomPlaces(pool) : undefined,
  }));
  return { kernel: runOperation(backend, operation, [x, dy, places], sizes) };
}

/** Gradients by way of the gradient of the unpooled output. */
function unpooledGradients(
  backend: WebGPUBackend,
  { x, dy, places, filter }: PooledTensors,
  sizes: PooledConvSizes,
): ConvGradients {
  const parts: ConvGradients[] = [];
  forEachPart(backend, sizes, { x, pooled: dy }, ({ conv, pool, of }) => {
    const unpooled = { dy: of(dy), places: of(places) };
    const dz = maxPoolGradientAt(backend, unpooled, pool);
    parts.push(convGradients(backend, { x: of(x), dy: dz, filter }, conv));
    backend.disposeData(dz.dataId);
  });
  const [{ kernel }, ...others] = parts;
  for (const { kernel: term } of others) {
    addInPlace(backend, kernel, term);
    backend.disposeData(term.dataId);
  }
  if (filter === undefined || others.length === 0) return parts[0];
  // TensorFlow.js's kernel reads float32.
  const dx = tf.tidy(() =>
    tf.concat(parts.map(({ x }) => asFloats(asTensor(x!))))
  );
  return { kernel, x: takeInfo(dx) };
}

/** Gradients of a convolution from that of its sums; that of the input where there is a filter. */
function convGradients(
  backend: WebGPUBackend,
  { x, dy, filter }: Omit<PooledTensors, "places">,
  sizes: ConvSizes,
): ConvGradients {
  const stored = storedType(backend, x);
  return {
    kernel: conv2dFilterGradient(backend, { x, dy }, sizes),
    x: filter &&
      conv2dInputGradient(backend, { dy, filter, stored }, sizes),
  };
}

/**
 * Runs something on each part of the batch: with its sizes, and with what gives its images of a tensor. Where the input or the
 * pooled tensor stores float16, parts begin at other multiples; where the pooled one does, they may have twice as many images.
 */
function forEachPart(
  backend: WebGPUBackend,
  { conv, pool, maxBytes }: PooledConvSizes,
  { x, pooled }: { x: TensorInfo; pooled: TensorInfo },
  run: (part: {
    conv: ConvSizes;
    pool: PoolSizes;
    of: (tensor: TensorInfo) => TensorInfo;
  }) => void,
): void {
  const [isHalf, isPooledHalf] = [x, pooled].map((tensor) =>
    storedType(backend, tensor) === "float16"
  );
  const parts = cutImages(conv.batch, {
    size: conv.outHeight * conv.outWidth * conv.outChannels,
    step: imageStep([
      conv.inHeight * conv.inWidth * conv.inChannels,
      pool.outHeight * pool.outWidth * pool.channels,
    ], isHalf || isPooledHalf ? 2 : 4),
    maxBytes: maxBytes * (isPooledHalf ? 2 : 1),
  });
  for (const part of parts) {
    const batch = part.count;
    run({
      conv: { ...conv, batch },
      pool: { ...pool, batch },
      of: (tensor) => imagesOf(tensor, part),
    });
  }
}
