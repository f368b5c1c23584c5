/**
 * What batches come from, whether the network has an output for each label, and how processes that train together cut batches.
 */

import {
  type Batch,
  divide,
  type EpochOptions,
  type Shard,
} from "../data/loader/batch.ts";
import type { Dataset } from "../data/dataset.ts";
import { tf } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";

/** Batches to train on or to evaluate: a `DataLoader`, or anything that yields batches. */
export interface BatchSource extends AsyncIterable<Batch> {
  /** What the batches are of, if that is known: its labels are checked before the first step. */
  readonly dataset?: Pick<Dataset, "labels" | "classNames">;
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
 * gone through from its beginning. One that does not make shards makes whole batches, which are cut here. The labels are those of
 * classes of the network: all are looked at before the first batch if they are known, and those of the first batch otherwise.
 */
export async function* batchesFrom(
  source: BatchSource,
  net: Sequential,
  which: EpochOptions,
): AsyncGenerator<Batch, void, undefined> {
  let isChecked = requireKnown(source, net);
  const { shard, ...whole } = which;
  const mustCut = shard !== undefined && !source.makesShards;
  const made = mustCut ? whole : which;
  for await (const batch of source.batches?.(made) ?? skip(source, made)) {
    if (!isChecked) requireClasses(await batch.labels.data(), net);
    isChecked = true;
    if (mustCut) yield* cut(batch, shard);
    else yield batch;
  }
}

/** The names of the classes that each network was trained on. */
const trainedOn = new WeakMap<Sequential, readonly string[]>();

/** Remembers what the classes of a network are called, if the data says. */
export function learnClasses(net: Sequential, { dataset }: BatchSource): void {
  if (dataset) trainedOn.set(net, dataset.classNames);
}

/**
 * Checks that a source has the classes that the network was trained on, and its labels as {@linkcode requireClasses} does, as
 * far as both are known; returns whether the labels are.
 */
export function requireKnown(source: BatchSource, net: Sequential): boolean {
  const { labels, classNames = [] } = source.dataset ?? {};
  const learned = trainedOn.get(net);
  if (source.dataset && learned && `${learned}` !== `${classNames}`) {
    throw new ShapeError(
      `Cannot use data whose classes are ${
        classNames.join(", ")
      }, as the network was trained on ${
        learned.join(", ")
      }: its labels mean something else; imageFolder() takes classNames`,
    );
  }
  if (labels) requireClasses(labels, net, classNames);
  return labels !== undefined;
}

/** Throws a `ShapeError` unless the network has an output for each label: one without would count as a loss of 0, or NaN. */
export function requireClasses(
  labels: ArrayLike<number>,
  net: Sequential,
  classNames: readonly string[] = [],
): void {
  const classes = net.summary().at(-1)!.outputShape[1];
  const last = classes - 1;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] >= 0 && labels[i] <= last) continue;
    const name = classNames[labels[i]];
    const label = name ? `${labels[i]} (${name})` : labels[i];
    throw new ShapeError(
      `Cannot use image ${i} as its label ${label} is not one of the ${classes} classes of the network, 0 to ${last}: make a network of more classes, or leave such images out`,
    );
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
