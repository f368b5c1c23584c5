/**
 * What batches come from, and how processes that train together cut them.
 *
 * @module
 */

import {
  type Batch,
  divide,
  type EpochOptions,
  type Shard,
} from "../data/loader/batch.ts";
import { tf } from "../device/tf.ts";

/** Batches to train on or to evaluate: a `DataLoader`, or anything that yields batches. */
export interface BatchSource extends AsyncIterable<Batch> {
  /** Number of batches in an epoch, for progress. */
  readonly numBatches?: number;
  /** Number of images in an epoch, for time estimates. */
  readonly numSamples?: number;
  /** Chooses the order of the next iteration; epochs count from 0. */
  setEpoch?(epoch: number): void;
  /** Whether `batches` can make a `shard` of each batch alone. Default: it makes whole batches, and `fit` cuts them. */
  readonly makesShards?: boolean;
  /** Iterates over an epoch from one of its batches on, as a resumed run does; epochs and batches count from 0. */
  batches?(options: EpochOptions): AsyncIterable<Batch>;
}

/**
 * Iterates over the batches of an epoch from one of them on; with a shard, over that part of each. A source without `batches` is
 * gone through from its beginning. One that does not make shards makes whole batches, which are cut here.
 */
export async function* batchesFrom(
  source: BatchSource,
  which: EpochOptions,
): AsyncGenerator<Batch, void, undefined> {
  const { shard, ...whole } = which;
  const mustCut = shard !== undefined && !source.makesShards;
  const made = mustCut ? whole : which;
  for await (const batch of source.batches?.(made) ?? skip(source, made)) {
    if (mustCut) yield* cut(batch, shard);
    else yield batch;
  }
}

async function* skip(
  source: BatchSource,
  { epoch, firstBatch = 0 }: EpochOptions,
): AsyncGenerator<Batch, void, undefined> {
  if (epoch !== undefined) source.setEpoch?.(epoch);
  let batch = 0;
  for await (const item of source) {
    if (batch++ >= firstBatch) yield item;
  }
}

function* cut(batch: Batch, shard: Shard): Generator<Batch> {
  const total = batch.images.shape[0];
  const { begin, end } = divide(total, shard);
  const images = tf.slice(batch.images, begin, end - begin);
  const labels = tf.slice(batch.labels, begin, end - begin);
  try {
    yield { images, labels, place: { begin, total } };
  } finally {
    tf.dispose([images, labels]);
  }
}
