/**
 * Sizes of convolutions and poolings from shapes, strides and padding, by TensorFlow.js's own rules; and parts of a batch.
 *
 * @module
 */

import { tf } from "./tf.ts";

type Shape4d = [number, number, number, number];
type Pair = number | readonly [number, number] | readonly number[];

/** Bytes between places of a buffer where a binding may begin on every WebGPU adapter. */
const ALIGNMENT = 256;

/** A convolution as TensorFlow.js describes it, NHWC. */
interface ConvDescription {
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
interface PoolDescription extends Omit<ConvDescription, "filterShape"> {
  /** Height and width of the window. */
  readonly filterSize: Pair;
}

/** Works out the sizes of a convolution. */
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

/** Works out the sizes of a pooling. */
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

/** Sizes of a convolution, in the words of its forward pass. */
export interface ConvSizes {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** Sizes of a pooling. */
export interface PoolSizes {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** Shape of what a pooling takes. */
export function poolInputShape(s: PoolSizes): number[] {
  return [s.batch, s.inHeight, s.inWidth, s.channels];
}

/** Shape of what a pooling gives. */
export function poolOutputShape(s: PoolSizes): number[] {
  return [s.batch, s.outHeight, s.outWidth, s.channels];
}

/** How many images, or a multiple of it, come before a part, so that bindings may begin there. */
export function imageStep(
  sizes: readonly number[],
  bytesPerElement = 4,
): number {
  let step = 1;
  while (
    sizes.some((size) => step * size * bytesPerElement % ALIGNMENT !== 0)
  ) step *= 2;
  return step;
}

/** Neighbouring images of a batch. */
export interface ImagePart {
  readonly begin: number;
  readonly count: number;
}

/**
 * Cuts a batch into parts of nearly equal size where a tensor of all its images, each of `size` numbers, would have more bytes
 * than may be bound. Parts begin at multiples of `step` images.
 */
export function cutImages(
  batch: number,
  { size, step, maxBytes }: { size: number; step: number; maxBytes: number },
): ImagePart[] {
  const most = Math.floor(maxBytes / (size * 4));
  const mostSteps = Math.floor(most / step);
  if (batch <= most || mostSteps === 0) return [{ begin: 0, count: batch }];
  const steps = Math.ceil(batch / step);
  const stepsEach = Math.ceil(steps / Math.ceil(steps / mostSteps));
  const each = stepsEach * step;
  return Array.from({ length: Math.ceil(batch / each) }, (_, i) => {
    const begin = i * each;
    return { begin, count: Math.min(each, batch - begin) };
  });
}
