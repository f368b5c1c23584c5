/**
 * What batches come from.
 *
 * @module
 */

import type { Batch, EpochOptions } from "../data/loader_options.ts";

/** Batches to train on or to evaluate: a `DataLoader`, or anything that yields batches. */
export interface BatchSource extends AsyncIterable<Batch> {
  /** Number of batches in an epoch, for progress. */
  readonly numBatches?: number;
  /** Number of images in an epoch, for time estimates. */
  readonly numSamples?: number;
  /** Chooses the order of the next iteration; epochs count from 0. */
  setEpoch?(epoch: number): void;
  /** Iterates over an epoch from one of its batches on, as a resumed run needs; both count from 0. */
  batches?(options: EpochOptions): AsyncIterable<Batch>;
}

/**
 * Iterates over the batches of an epoch from one of them on; a source that cannot begin there is gone through from its
 * beginning.
 *
 * @param source All batches.
 * @param which Epoch and first batch, both from 0.
 * @returns The batches.
 */
export async function* batchesFrom(
  source: BatchSource,
  which: { epoch: number; firstBatch: number },
): AsyncGenerator<Batch, void, undefined> {
  if (source.batches) {
    yield* source.batches(which);
    return;
  }
  source.setEpoch?.(which.epoch);
  let batch = 0;
  for await (const item of source) {
    if (batch++ >= which.firstBatch) yield item;
  }
}
