/**
 * What batches come from.
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
  /** Whether `batches` makes a part of each batch where it is asked for a `shard`. Default: whole batches are cut. */
  readonly makesShards?: boolean;
  /** Iterates over an epoch from one of its batches on, as a resumed run needs; both count from 0. */
  batches?(options: EpochOptions): AsyncIterable<Batch>;
}

/**
 * Iterates over the batches of an epoch, or over parts of them, from one of them on; a source that cannot begin there is
 * gone through from its beginning, and one that does not make parts makes whole batches, which are cut.
 *
 * @param source All batches.
 * @param which Epoch and first batch, both from 0, and whose part of each batch.
 * @returns The batches.
 */
export async function* batchesFrom(
  source: BatchSource,
  which: EpochOptions,
): AsyncGenerator<Batch, void, undefined> {
  const { shard, ...whole } = which;
  if (shard === undefined || source.makesShards) {
    yield* source.batches?.(which) ?? _skip(source, which);
    return;
  }
  const batches = source.batches?.(whole) ?? _skip(source, whole);
  for await (const batch of batches) yield* _cut(batch, shard);
}

async function* _skip(
  source: BatchSource,
  { epoch, firstBatch = 0 }: EpochOptions,
): AsyncGenerator<Batch, void, undefined> {
  if (epoch !== undefined) source.setEpoch?.(epoch);
  let batch = 0;
  for await (const item of source) {
    if (batch++ >= firstBatch) yield item;
  }
}

function* _cut(batch: Batch, shard: Shard): Generator<Batch> {
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
