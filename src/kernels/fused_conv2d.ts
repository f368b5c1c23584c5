/**
 * Convolution, bias, activation and pooling as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, type Tensor4D, tf } from "../backend/tf.ts";
import type { FusedActivation } from "./activation.ts";
import { averagePool, averagePoolBiasGradient } from "./average_pool.ts";
import {
  type Activated,
  type BiasGradient,
  biasGradient,
} from "./column_sums.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
  conv2dPooledFilterGradient,
} from "./conv2d.ts";
import type { ConvSizes } from "./conv_view.ts";
import { asFloats, asTensor, differentiable } from "./differentiable.ts";
import { maxPoolGradientAt, maxPoolWithPlaces } from "./max_pool.ts";
import type { PoolSizes } from "./pool_shader.ts";

/** A pooling that follows a convolution. */
export interface FusedPool {
  readonly kind: "max" | "average";
  readonly sizes: PoolSizes;
}

/** What follows the convolution, and which gradients are wanted. */
export interface FusedConvOptions {
  /** Sizes of the convolution. */
  readonly sizes: ConvSizes;
  /** What follows the bias. */
  readonly activation?: FusedActivation;
  /** The pooling that follows, if one does. */
  readonly pool?: FusedPool;
  /** Whether the gradient of `x` is wanted; without it, `x` counts as a constant. */
  readonly needsInputGradient: boolean;
}

/**
 * Computes `pool(activation(conv2d(x, kernel) + bias))`. For the gradient it keeps its inputs and its output and, with max
 * pooling, where the largest values were: the unpooled output is freed at once. Average pooling has it kept instead.
 *
 * @param tensors float32 `x`, NHWC, `kernel`, HWIO, and `bias`, `[outChannels]`, on the WebGPU backend.
 * @param options What to compute.
 * @returns float32 NHWC.
 */
export function fusedConv2d(
  tensors: { x: Tensor4D; kernel: Tensor4D; bias: Tensor },
  options: FusedConvOptions,
): Tensor4D {
  const { sizes, activation, pool, needsInputGradient } = options;
  const backend = tf.backend() as WebGPUBackend;
  const [x, kernel, bias] = [tensors.x, tensors.kernel, tensors.bias].map(
    asFloats<Tensor>,
  );
  const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
  return differentiable(inputs, (save) => {
    const y = conv2dForward(backend, {
      x,
      filter: kernel,
      bias,
      activation,
    }, sizes);
    if (pool === undefined) {
      const output = asTensor(y);
      save([x, kernel, output]);
      return output;
    }
    if (pool.kind === "average") {
      save([x, kernel, asTensor(y)]);
      return asTensor(averagePool(backend, y, pool.sizes));
    }
    const { pooled, places } = maxPoolWithPlaces(backend, y, pool.sizes);
    backend.disposeData(y.dataId);
    const output = asTensor(pooled);
    save([x, kernel, output, asTensor(places)]);
    return output;
  }, (dy, [x, kernel, y, places]) => {
    if (pool?.kind === "average" && activation && !needsInputGradient) {
      const options = { sizes, pool: pool.sizes, activation };
      const both = conv2dPooledFilterGradient(backend, { x, y, dy }, options);
      if (both) return [asTensor(both.filter), asTensor(both.bias)];
    }
    const gradient = { dy, after: activation && { y, activation } };
    const { bias, dz } = _biasGradient(backend, gradient, { pool, places });
    const gradients = [
      asTensor(conv2dFilterGradient(backend, { x, dy: dz }, sizes)),
      asTensor(bias),
    ];
    if (needsInputGradient) {
      gradients.push(
        asTensor(
          conv2dInputGradient(backend, { dy: dz, filter: kernel }, sizes),
        ),
      );
    }
    if (dz !== dy) backend.disposeData(dz.dataId);
    return gradients;
  }) as Tensor4D;
}

/** Gradients of the bias and of the biased sums. */
function _biasGradient(
  backend: WebGPUBackend,
  gradient: { dy: Tensor; after?: Activated },
  { pool, places }: { pool?: FusedPool; places: Tensor },
): BiasGradient {
  if (pool?.kind === "average") {
    return averagePoolBiasGradient(backend, gradient, pool.sizes);
  }
  const { dy } = gradient;
  const columns = dy.shape.at(-1)!;
  const size = { rows: dy.size / columns, columns };
  const masked = biasGradient(backend, gradient, size);
  if (pool === undefined) return masked;
  const tensors = { dy: masked.dz, places };
  const dz = maxPoolGradientAt(backend, tensors, pool.sizes);
  if (masked.dz !== dy) backend.disposeData(masked.dz.dataId);
  return { ...masked, dz };
}
