/** Batches, which samples they have, and parts of them for processes that train together. */

import type { Tensor1D, Tensor4D } from "../../device/tf.ts";

/** Samples as tensors, owned by the loader that yields them. */
export interface Batch {
  /** float32 `[batch, height, width, channels]`; in [0, 1] unless a transform says otherwise. */
  images: Tensor4D;
  /** int32 `[batch]`: indices into the class names. */
  labels: Tensor1D;
  /** Which part of a whole batch this is, if parts were asked for. A part may have no images. */
  place?: ShardPlace;
}

/** Which batches to iterate over. */
export interface EpochOptions {
  /** Epoch, from 0. Default: the one after the last, or what `setEpoch` said. */
  epoch?: number;
  /** Batches of the epoch to leave out at its beginning. Default 0. */
  firstBatch?: number;
  /** Part of each batch to make, with the same samples and random numbers as in the whole. Default: all of it. */
  shard?: Shard;
}

/** The part of each batch that one of several processes makes. */
export interface Shard {
  /** Which of the processes it is, from 0. */
  readonly index: number;
  /** How many processes there are. */
  readonly count: number;
}

/** Which part of a whole batch a batch is. */
export interface ShardPlace {
  /** Index in the whole batch of the first of its images. */
  readonly begin: number;
  /** Images of the whole batch. */
  readonly total: number;
}

/**
 * Divides a batch into parts that follow each other, whose sizes differ by one image at most. If there are fewer images than
 * processes, some parts are empty.
 */
export function divide(
  total: number,
  { index, count }: Shard,
): { begin: number; end: number } {
  const edge = (i: number) => Math.floor(i * total / count);
  return { begin: edge(index), end: edge(index + 1) };
}

/** Which samples a batch has, and which random numbers their transforms draw. */
export interface BatchPlan {
  readonly seed: number;
  readonly epoch: number;
  /** uint32 `[batch]`: indices into the data set. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** uint32 `[batch]`: how often the epoch has had the sample before. Default: zeros. */
  readonly repeats?: Uint32Array<ArrayBuffer>;
  /** Which part of a whole batch this is. Default: all of it. */
  readonly place?: ShardPlace;
}

/** Samples as plain arrays. */
export interface ArrayBatch {
  /** float32, the values of all images. */
  images: Float32Array<ArrayBuffer>;
  /** int32 `[batch]`: indices into the class names. */
  labels: Int32Array<ArrayBuffer>;
  /** Shape of `images`: `[batch, height, width, channels]`. */
  shape: [batch: number, height: number, width: number, channels: number];
}

/** Height, width and channels of every image of a batch. */
export type ImageShape = readonly [
  height: number,
  width: number,
  channels: number,
];
