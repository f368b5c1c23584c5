/**
 * Convolution, bias, activation and pooling as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { FusedConvOptions } from "../../device.ts";
import { type Tensor, type Tensor4D, tf } from "../../tf.ts";
import { averagePool, averagePoolBiasGradient } from "../pool/pool.ts";
import { biasGradient } from "../dense/fused_dense.ts";
import { conv2dForward } from "./conv2d.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { readAs } from "../cast.ts";
import {
  convGradients,
  pooledConv,
  pooledConvGradients,
} from "./pooled_conv.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

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
    const { bias, dz } = pool?.kind === "average"
      ? averagePoolBiasGradient(backend, gradient, pool.sizes)
      : biasGradient(backend, gradient);
    const gradients = pool?.kind === "max"
      ? pooledConvGradients(backend, { x, filter, dy: dz, places }, {
        conv: sizes,
        pool: pool.sizes,
        maxBytes,
        needsInputGradient,
      })
      : convGradients(backend, { x, filter, dz }, {
        sizes,
        needsInputGradient,
      });
    if (dz !== dy) backend.disposeData(dz.dataId);
    const dx = gradients.x === undefined ? [] : [gradients.x];
    return [gradients.kernel, bias, ...dx].map(asTensor);
  }) as Tensor4D;
}
