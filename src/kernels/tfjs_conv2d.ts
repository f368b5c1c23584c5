/**
 * TensorFlow.js's convolution kernels, by ours.
 *
 * @module
 */

import type { backend_util, TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../backend/tf.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "./conv2d.ts";
import type { ConvSizes } from "./conv_view.ts";
import { areFloats, canFinish } from "./coverage.ts";
import type { Kernel, KernelCall } from "./kernel.ts";

type Shape4d = [number, number, number, number];

/** The convolution kernels by name. */
export const CONV_KERNELS: Readonly<Record<string, Kernel>> = {
  Conv2D: ({ backend, inputs: { x, filter }, attrs }) => {
    const sizes = _sizesOf(attrs, x.shape, filter.shape);
    if (sizes === undefined || !areFloats(x, filter)) return;
    return conv2dForward(backend, { x, filter }, sizes);
  },
  FusedConv2D: ({ backend, inputs, attrs }) => {
    const { x, filter, bias } = inputs;
    const sizes = _sizesOf(attrs, x.shape, filter.shape);
    if (
      sizes === undefined || !areFloats(x, filter) ||
      !canFinish(inputs, attrs.activation, sizes.outChannels)
    ) return;
    const activation = attrs.activation === "relu" ? "relu" : undefined;
    return conv2dForward(backend, { x, filter, bias, activation }, sizes);
  },
  Conv2DBackpropInput: ({ backend, inputs: { dy, filter }, attrs }) => {
    const sizes = _sizesOf(attrs, attrs.inputShape as number[], filter.shape);
    if (sizes === undefined || !areFloats(dy, filter)) return;
    return conv2dInputGradient(backend, { dy, filter }, sizes);
  },
  Conv2DBackpropFilter: ({ backend, inputs: { x, dy }, attrs }) => {
    const sizes = _sizesOf(attrs, x.shape, attrs.filterShape as number[]);
    if (sizes === undefined || !areFloats(x, dy)) return;
    return conv2dFilterGradient(backend, { x, dy }, sizes);
  },
};

/** Sizes of a convolution, if it is one that our kernels cover: channels last, not dilated, not empty. */
function _sizesOf(
  attrs: KernelCall["attrs"],
  inShape: TensorInfo["shape"],
  filterShape: TensorInfo["shape"],
): ConvSizes | undefined {
  const { strides, pad, dataFormat, dilations = 1, dimRoundingMode } = attrs;
  const info: backend_util.Conv2DInfo = tf.backend_util.computeConv2DInfo(
    inShape as Shape4d,
    filterShape as Shape4d,
    strides as number,
    dilations as number,
    pad as number,
    dimRoundingMode as "floor",
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat as "NHWC"),
  );
  const isEmpty = [...info.inShape, ...info.outShape].some((n) => n < 1);
  if (
    info.dataFormat !== "channelsLast" || isEmpty ||
    info.dilationHeight !== 1 || info.dilationWidth !== 1
  ) return;
  return {
    batch: info.batchSize,
    inHeight: info.inHeight,
    inWidth: info.inWidth,
    inChannels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    outChannels: info.outChannels,
    filterHeight: info.filterHeight,
    filterWidth: info.filterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}
