/**
 * Sizes of convolutions and poolings from shapes, strides and padding, by TensorFlow.js's own rules.
 *
 * @module
 */

import { tf } from "../../tf.ts";
import type { ConvSizes } from "./conv_view.ts";
import type { PoolSizes } from "../pool/pool_shader.ts";

type Shape4d = [number, number, number, number];
type Pair = number | readonly [number, number] | readonly number[];

/** A convolution as TensorFlow.js describes it, NHWC. */
export interface ConvDescription {
  /** `[batch, height, width, inChannels]`. */
  readonly inShape: readonly number[];
  /** `[height, width, inChannels, outChannels]`. */
  readonly filterShape: readonly number[];
  /** Steps between windows. */
  readonly strides: Pair;
  /** "valid", "same", a number, or explicit padding of each dimension. */
  readonly pad: string | number | readonly unknown[];
  /** How fractional sizes are rounded where `pad` is a number. */
  readonly dimRoundingMode?: unknown;
}

/** A pooling as TensorFlow.js describes it, NHWC. */
export interface PoolDescription extends Omit<ConvDescription, "filterShape"> {
  /** Height and width of the window. */
  readonly filterSize: Pair;
}

/**
 * Works out the sizes of a convolution.
 *
 * @param c The convolution.
 * @returns Its sizes.
 */
export function convSizes(c: ConvDescription): ConvSizes {
  const info = tf.backend_util.computeConv2DInfo(
    c.inShape as Shape4d,
    c.filterShape as Shape4d,
    c.strides as number,
    1,
    c.pad as number,
    c.dimRoundingMode as "floor",
  );
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

/**
 * Works out the sizes of a pooling.
 *
 * @param p The pooling.
 * @returns Its sizes.
 */
export function poolSizes(p: PoolDescription): PoolSizes {
  const info = tf.backend_util.computePool2DInfo(
    p.inShape as Shape4d,
    p.filterSize as number,
    p.strides as number,
    1,
    p.pad as number,
    p.dimRoundingMode as "floor",
  );
  return {
    batch: info.batchSize,
    inHeight: info.inHeight,
    inWidth: info.inWidth,
    channels: info.inChannels,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    windowHeight: info.effectiveFilterHeight,
    windowWidth: info.effectiveFilterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}
