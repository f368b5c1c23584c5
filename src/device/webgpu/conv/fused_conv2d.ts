/**
 * Convolution, bias, activation and pooling as one differentiable operation on the WebGPU backend. With max pooling it is
 * computed in parts of the batch where the unpooled output of all images would be larger than the adapter binds.
 *
 * @module
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
import { averagePool, averagePoolBiasGradient } from "../pool/average_pool.ts";
import {
  makePooled,
  maxPoolGradientAt,
  maxPoolWithPlaces,
  type PooledWithPlaces,
} from "../pool/max_pool.ts";
import { poolKey } from "../pool/pool_shader.ts";
import { imagesOf } from "../run/dispatch.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
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
  const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
  return differentiable(inputs, (save) => {
    const filter = readAs(backend, kernel, stored);
    const tensors = { x, filter, bias, activation, stored };
    if (pool?.kind === "max") {
      const both = { conv: sizes, pool: pool.sizes, maxBytes };
      const { pooled, places } = pooledConv(backend, tensors, both);
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
    const columns = dy.shape.at(-1)!;
    const { bias, dz } = pool?.kind === "average"
      ? averagePoolBiasGradient(backend, gradient, pool.sizes)
      : biasGradient(backend, gradient, { rows: dy.size / columns, columns });
    const gradients = pool?.kind === "max"
      ? pooledConvGradients(backend, { x, dy: dz, places, filter }, {
        conv: sizes,
        pool: pool.sizes,
        maxBytes,
        needsInputGradient,
      })
      : convGradients(backend, {
        x,
        dz,
        filter: needsInputGradient ? filter : undefined,
      }, sizes);
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

/** What the gradient of a max-pooled convolution is made of; `dy` is that of the largest biased sums. */
interface PooledTensors {
  readonly x: TensorInfo;
  readonly dy: TensorInfo;
  readonly places: TensorInfo;
}

/** Gradients of a convolution, which the caller owns. */
interface ConvGradients {
  /** float32 HWIO. */
  readonly kernel: TensorInfo;
  /** That of the input, float32 NHWC, where it is wanted. */
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

/** Per adapter as it is or is pretended to be: the gradient of a filter whose output is max pooled. */
const operations = memo<Operation<PooledConvSizes>>();

/** Gradients of {@linkcode pooledConv} from that of the largest biased sums. */
function pooledConvGradients(
  backend: WebGPUBackend,
  tensors: PooledTensors & { filter: TensorInfo },
  { needsInputGradient, ...sizes }: PooledConvSizes & {
    needsInputGradient: boolean;
  },
): ConvGradients {
  const { x, filter, dy, places } = tensors;
  if (needsInputGradient) {
    return unpooledGradients(backend, tensors, sizes, filter);
  }
  const { conv, pool } = sizes;
  const name = convKey("conv2d pooled filter gradient", conv);
  const key = poolKey(name, pool);
  const operation = operations(traitsOf(backend), key, () => ({
    key,
    what: describeConv("filter gradient of pooled convolution", conv),
    ways: [
      {
        name: "sparse",
        fits: fitsSparse(conv),
        run: (backend, [x, dy, places], { conv, pool }) =>
          sparseFilterGradient(
            backend,
            { x, dy, places },
            { conv, pool },
            name,
          ),
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

/** Gradients by way of the gradient of the unpooled output; that of the input where there is a filter. */
function unpooledGradients(
  backend: WebGPUBackend,
  { x, dy, places }: PooledTensors,
  sizes: PooledConvSizes,
  filter?: TensorInfo,
): ConvGradients {
  const parts: ConvGradients[] = [];
  const stored = storedTypes(backend, x, dy);
  forEachPart(sizes, stored, ({ conv, pool, of }) => {
    const unpooled = { dy: of(dy), places: of(places) };
    const dz = maxPoolGradientAt(backend, unpooled, pool);
    parts.push(convGradients(backend, { x: of(x), dz, filter }, conv));
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
  { x, dz, filter }: { x: TensorInfo; dz: TensorInfo; filter?: TensorInfo },
  sizes: ConvSizes,
): ConvGradients {
  const stored = storedType(backend, x);
  return {
    kernel: conv2dFilterGradient(backend, { x, dy: dz }, sizes),
    x: filter &&
      conv2dInputGradient(backend, { dy: dz, filter, stored }, sizes),
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
