/**
 * Convolution, bias, activation and max pooling as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, type Tensor4D, tf } from "../backend/tf.ts";
import type { FusedActivation } from "./activation.ts";
import { biasGradient } from "./column_sums.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "./conv2d.ts";
import type { ConvSizes } from "./conv_view.ts";
import { asFloats, asTensor, differentiable } from "./differentiable.ts";
import { maxPoolGradientAt, maxPoolWithPlaces } from "./max_pool.ts";
import type { PoolSizes } from "./pool_shader.ts";

/** What follows the convolution, and which gradients are wanted. */
export interface FusedConvOptions {
  /** Sizes of the convolution. */
  readonly sizes: ConvSizes;
  /** What follows the bias. */
  readonly activation?: FusedActivation;
  /** Sizes of the max pooling that follows, if one does. */
  readonly pool?: PoolSizes;
  /** Whether the gradient of `x` is wanted; without it, `x` counts as a constant. */
  readonly needsInputGradient: boolean;
}

/**
 * Computes `maxPool(activation(conv2d(x, kernel) + bias))`. For the gradient it keeps its inputs and its output and, with
 * pooling, where the largest values were; the unpooled output is freed at once.
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
    const places: Tensor[] = [];
    let output: Tensor;
    if (pool === undefined) {
      output = asTensor(y);
    } else {
      const result = maxPoolWithPlaces(backend, y, pool);
      backend.disposeData(y.dataId);
      output = asTensor(result.pooled);
      places.push(asTensor(result.places));
    }
    save([x, kernel, output, ...places]);
    return output;
  }, (dy, [x, kernel, output, places]) => {
    const columns = sizes.outChannels;
    const masked = biasGradient(
      backend,
      { dy, after: activation && { y: output, activation } },
      { rows: dy.size / columns, columns },
    );
    let dz = masked.dz;
    if (pool !== undefined) {
      dz = maxPoolGradientAt(backend, { dy: masked.dz, places }, pool);
      if (masked.dz !== dy) backend.disposeData(masked.dz.dataId);
    }
    const gradients = [
      asTensor(conv2dFilterGradient(backend, { x, dy: dz }, sizes)),
      asTensor(masked.bias),
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
