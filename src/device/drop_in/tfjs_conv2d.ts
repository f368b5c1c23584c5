/**
 * TensorFlow.js's convolution kernels, by ours.
 *
 * @module
 */

import {
  type AnyBackend,
  areFloats,
  canFinish,
  type Kernel,
  type KernelCall,
} from "./kernel.ts";
import type { FusedActivation } from "../device.ts";
import { type ConvSizes, convSizes } from "../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** A convolution and its gradients as a backend computes them: float32, NHWC and HWIO; undefined where it does not. */
export interface ConvOperations<Backend> {
  /** Computes `activation(conv2d(x, filter) + bias)`. */
  forward(
    backend: Backend,
    tensors: {
      x: TensorInfo;
      filter: TensorInfo;
      bias?: TensorInfo;
      activation?: FusedActivation;
    },
    sizes: ConvSizes,
  ): TensorInfo | undefined;
  /** Gradient by the input. */
  inputGradient(
    backend: Backend,
    tensors: { dy: TensorInfo; filter: TensorInfo },
    sizes: ConvSizes,
  ): TensorInfo | undefined;
  /** Gradient by the filter. */
  filterGradient(
    backend: Backend,
    tensors: { x: TensorInfo; dy: TensorInfo },
    sizes: ConvSizes,
  ): TensorInfo | undefined;
}

/** The convolution kernels by name. */
export function convKernels<Backend extends AnyBackend>(
  operations: ConvOperations<Backend>,
): Record<string, Kernel<Backend>> {
  return {
    Conv2D: ({ backend, inputs: { x, filter }, attrs }) => {
      const sizes = sizesOf(attrs, x.shape, filter.shape);
      if (sizes === undefined || !areFloats(backend, x, filter)) return;
      return operations.forward(backend, { x, filter }, sizes);
    },
    FusedConv2D: ({ backend, inputs, attrs }) => {
      const { x, filter, bias } = inputs;
      const sizes = sizesOf(attrs, x.shape, filter.shape);
      if (
        sizes === undefined || !areFloats(backend, x, filter) ||
        !canFinish(backend, inputs, attrs.activation, sizes.outChannels)
      ) return;
      const activation = attrs.activation === "relu" ? "relu" : undefined;
      return operations.forward(
        backend,
        { x, filter, bias, activation },
        sizes,
      );
    },
    Conv2DBackpropInput: ({ backend, inputs: { dy, filter }, attrs }) => {
      const sizes = sizesOf(attrs, attrs.inputShape as number[], filter.shape);
      if (sizes === undefined || !areFloats(backend, dy, filter)) return;
      if (!isOutput(dy, sizes)) return;
      return operations.inputGradient(backend, { dy, filter }, sizes);
    },
    Conv2DBackpropFilter: ({ backend, inputs: { x, dy }, attrs }) => {
      const sizes = sizesOf(attrs, x.shape, attrs.filterShape as number[]);
      if (sizes === undefined || !areFloats(backend, x, dy)) return;
      if (!isOutput(dy, sizes)) return;
      return operations.filterGradient(backend, { x, dy }, sizes);
    },
  };
}

/** Sizes of a convolution, if it is one that our kernels cover: channels last and not dilated. */
function sizesOf(
  { strides, pad, dataFormat, dilations, dimRoundingMode }: KernelCall["attrs"],
  inShape: readonly number[],
  filterShape: readonly number[],
): ConvSizes | undefined {
  const isDilated = [dilations ?? 1].flat().some((d) => d !== 1);
  if (isDilated || dataFormat === "NCHW") return;
  const sizes = convSizes({
    inShape,
    filterShape,
    strides: strides as number,
    pad: pad as number,
    dimRoundingMode,
  });
  return sizes.outHeight > 0 && sizes.outWidth > 0 ? sizes : undefined;
}

/** Whether a gradient has the shape of the output; that of a transposed convolution to a given shape need not. */
function isOutput({ shape }: TensorInfo, s: ConvSizes): boolean {
  return `${shape}` ===
    `${[s.batch, s.outHeight, s.outWidth, s.outChannels]}`;
}
