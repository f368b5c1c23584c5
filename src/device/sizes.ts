/**
 * Sizes of what a device computes: of convolutions and poolings, by TensorFlow.js's own rules, of parts of a batch, and of
 * gathered images.
 */

import { tf } from "./tf.ts";

type Shape4d = [number, number, number, number];
type Pair = number | readonly [number, number] | readonly number[];

/** Bytes between the offsets of a buffer where a binding may begin on every WebGPU adapter. */
const ALIGNMENT = 256;

/** A convolution as TensorFlow.js describes it, NHWC. */
interface ConvDescription {
  readonly inShape: readonly number[];
  /** HWIO. */
  readonly filterShape: readonly number[];
  readonly strides: Pair;
  /** "valid", "same", a number, or explicit padding of each dimension. */
  readonly pad: string | number | readonly unknown[];
  /** How fractional sizes are rounded where `pad` is a number. */
  readonly dimRoundingMode?: unknown;
}

/** A pooling as TensorFlow.js describes it, NHWC. */
interface PoolDescription extends Omit<ConvDescription, "filterShape"> {
  readonly filterSize: Pair;
}

/** Sizes of a convolution, in the words of its forward pass. */
export type ConvSizes = Readonly<ReturnType<typeof convSizes>>;

/** Works out the sizes of a convolution. */
export function convSizes(c: ConvDescription) {
  const info = tf.backend_util.computeConv2DInfo(
    c.inShape as Shape4d,
    c.filterShape as Shape4d,
    c.strides as number,
    1,
    c.pad as number,
    c.dimRoundingMode as "floor",
  );
  const { inChannels, outChannels, filterHeight, filterWidth } = info;
  const sizes = { inChannels, outChannels, filterHeight, filterWidth };
  return { ...windowSizes(info), ...sizes };
}

/** Sizes of a pooling. */
export type PoolSizes = Readonly<ReturnType<typeof poolSizes>>;

/** Works out the sizes of a pooling. */
export function poolSizes(p: PoolDescription) {
  const info = tf.backend_util.computePool2DInfo(
    p.inShape as Shape4d,
    p.filterSize as number,
    p.strides as number,
    1,
    p.pad as number,
    p.dimRoundingMode as "floor",
  );
  return {
    ...windowSizes(info),
    channels: info.outChannels,
    windowHeight: info.effectiveFilterHeight,
    windowWidth: info.effectiveFilterWidth,
  };
}

/** Where windows lie on images. */
export type WindowSizes = Readonly<ReturnType<typeof windowSizes>>;

function windowSizes(
  info: ReturnType<typeof tf.backend_util.computeConv2DInfo>,
) {
  return {
    batch: info.batchSize,
    inHeight: info.inHeight,
    inWidth: info.inWidth,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}

/** Shape of what a pooling takes. */
export function poolInputShape(s: PoolSizes): number[] {
  return [s.batch, s.inHeight, s.inWidth, s.channels];
}

/** Shape of what a pooling gives. */
export function poolOutputShape(s: PoolSizes): number[] {
  return [s.batch, s.outHeight, s.outWidth, s.channels];
}

/** Parts of a batch begin at multiples of this many images, so that bindings may begin there. */
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

/** Height and width, in pixels. */
export interface Extent {
  readonly height: number;
  readonly width: number;
}

/** What is beyond the edges of a window, in units of the bytes. */
export interface WindowFill {
  readonly fill: number;
}

/** Everything but which images, and where their windows are. */
export interface GatherSizes {
  /** Size of the images of bytes. */
  readonly stored: Extent;
  readonly channels: number;
  /** Size of the first window, or that of the images. */
  readonly viewed: Extent;
  /** Size that what the first window shows is resized to; the same for none. */
  readonly resized: Extent;
  /** Size of the second window, or that after resizing. */
  readonly output: Extent;
  /** Whether there is a window before resizing. */
  readonly before?: WindowFill;
  /** Whether there is one after resizing. */
  readonly after?: WindowFill;
  /** What bytes are divided by. */
  readonly divisor: 1 | 255;
  /** What is then subtracted: one number, or one per channel. */
  readonly mean: readonly number[];
  /** What that is then divided by: one number, or one per channel. */
  readonly std: readonly number[];
}

/**
 * Words of a window: 1 or -1 (mirrored); column and row of the image at its left or right edge and at its top; and of which
 * columns and rows of the image it shows anything: first, last + 1 and first, last + 1.
 */
export const WINDOW_WORDS = 7;

/** Counts the words that say which image and which windows of it. */
export function wordsPerImage({ before, after }: GatherSizes): number {
  return 1 + (before ? WINDOW_WORDS : 0) + (after ? WINDOW_WORDS : 0);
}
