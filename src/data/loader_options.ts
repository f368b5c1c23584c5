/**
 * What a loader is told, and what it tells.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { requireInteger, requireSeed } from "../options.ts";
import type { Tensor1D, Tensor4D } from "../device/tf.ts";
import type { Dataset } from "./dataset.ts";
import type { ImageShape } from "./host_batch.ts";
import type { Sampler } from "./sampler.ts";
import type { Shard, ShardPlace } from "./shard.ts";
import type { Transform } from "./transforms/transform.ts";

/** Samples as tensors, owned by the loader that yields them. */
export interface Batch {
  /** float32 `[batch, height, width, channels]`; in [0, 1] unless a transform says otherwise. */
  images: Tensor4D;
  /** int32 `[batch]`: indices into the class names. */
  labels: Tensor1D;
  /** Which part of a whole batch this is, where parts were asked for; it may be one without images. */
  place?: ShardPlace;
}

/** How to make batches: names are those of PyTorch's `DataLoader`. */
export interface DataLoaderOptions {
  /** Samples per batch; the last batch of an epoch may be shorter. */
  batchSize: number;
  /** Whether each epoch has a random order. Default false. */
  shuffle?: boolean;
  /** Chooses the samples of an epoch and their order, in place of `shuffle`. */
  sampler?: Sampler;
  /** Whether to leave out the last batch of an epoch if it is shorter. Default false. */
  dropLast?: boolean;
  /** Integer in [0, 2^32): the same seed, the same orders and the same random transforms. Default 0. */
  seed?: number;
  /** What is done to each image. Default `toTensor()`. */
  transform?: Transform;
  /**
   * Workers that make batches ahead of time where they are made on the host: a number, or "auto", the default: the number of
   * cores less one, at most one for every four batches, only as many as keep all batches that are made ahead of time within
   * 256 MB (but at least 1), and 0 where there are no workers, where Deno may not read this package's files, or where the
   * transform is a function of your own that `importTransform` did not get. The batches do not depend on it.
   */
  workers?: number | "auto";
  /** Batches that each worker is asked for ahead of time. Default 2. With more, "auto" is fewer workers. */
  prefetchFactor?: number;
  /** Where to make batches. Default "auto": on the device where it can, which `summary()` tells. */
  path?: "auto" | "device" | "host";
  /** Ends iterations, and their workers, with the signal's reason as an error. */
  signal?: AbortSignal;
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

/** What a loader does. */
export interface DataSummary {
  /** Samples and class counts, in words. */
  readonly dataset: string;
  /** What is done to each image, in words, first to last. */
  readonly transforms: readonly string[];
  /** `[height, width, channels]` of every image after that. */
  readonly imageShape: ImageShape;
  /** Where that is done. */
  readonly place: "device" | "host";
  /** Workers that do it, on the host. */
  readonly workers: number;
  /** Why not on the device. */
  readonly reason?: string;
}

/** What an epoch has. */
export interface BatchCounts {
  readonly numBatches: number;
  /** Samples in all of them. */
  readonly numSamples: number;
}

/**
 * Checks the options of a loader, and counts its batches.
 *
 * @param dataset The samples.
 * @param options The options, of which `workers` is not looked at.
 * @returns The counts.
 * @throws {OptionError} If there is no batch, or an option is not one of its values.
 */
export function countBatches(
  dataset: Pick<Dataset, "length">,
  options: DataLoaderOptions,
): BatchCounts {
  const { batchSize, sampler, dropLast = false, path = "auto" } = options;
  requireInteger("batchSize", batchSize);
  requireInteger("prefetchFactor", options.prefetchFactor ?? 2);
  requireSeed(options.seed ?? 0);
  if (!["auto", "device", "host"].includes(path)) {
    throw new OptionError("path", path, '"auto", "device" or "host"');
  }
  if (dataset.length < 1) {
    throw new OptionError("dataset.length", dataset.length, "at least 1");
  }
  if (sampler && options.shuffle) {
    throw new OptionError("shuffle", true, "left out when sampler is given");
  }
  const numSamples = sampler
    ? requireInteger("sampler.length", sampler.length)
    : dataset.length;
  if (!dropLast) {
    const numBatches = Math.ceil(numSamples / batchSize);
    return { numBatches, numSamples };
  }
  const numBatches = Math.floor(numSamples / batchSize);
  if (numBatches === 0) {
    throw new OptionError(
      "batchSize",
      batchSize,
      `at most ${numSamples}, the samples of an epoch, with dropLast`,
    );
  }
  return { numBatches, numSamples: numBatches * batchSize };
}
