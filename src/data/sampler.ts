/** The order in which an epoch visits the samples. */

import { OptionError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import { permutation, STREAMS } from "../random.ts";
import { byClass, type Dataset } from "./dataset.ts";

/** Which order. */
export interface EpochOrderOptions {
  /** Integer in [0, 2^32): the same seed, the same order. */
  seed: number;
  /** Epoch, from 0: each has its own order. */
  epoch: number;
  /** Whether the order is random; otherwise it is 0, 1, ... */
  shuffle: boolean;
}

/** Orders the indices 0 to `length` - 1 for an epoch. */
export function epochOrder(
  length: number,
  options: EpochOrderOptions,
): Uint32Array<ArrayBuffer> {
  const { seed, epoch, shuffle } = options;
  if (!shuffle) return Uint32Array.from({ length }, (_, i) => i);
  return permutation(length, { seed, stream: STREAMS.shuffle, step: epoch });
}

/** Chooses which samples an epoch visits, and in which order. */
export interface Sampler {
  /** Samples per epoch. */
  readonly length: number;
  /**
   * Chooses the samples of an epoch.
   *
   * @param which Seed of the loader, and epoch from 0: the same choose the same.
   * @returns `[length]`: indices into the data set; some may be there several times, and some not at all.
   */
  order(which: { seed: number; epoch: number }): ArrayLike<number>;
}

/**
 * Visits every class equally often (but for one sample), in a random order: for data sets in which some classes are rare.
 * Within an epoch, no sample of a class is visited again before all others of that class have been.
 *
 * @example
 * ```ts
 * import { classBalancedSampler, DataLoader, loadFashionMnist, subset } from "@x/alexnet/data";
 *
 * const { train } = await loadFashionMnist({ source: "sample" });
 * const dataset = subset(train.dataset, 100);
 * const sampler = classBalancedSampler(dataset);
 * const loader = new DataLoader(dataset, { batchSize: 20, sampler });
 * ```
 *
 * @param dataset The data set.
 * @param options Samples per epoch. Default: as many as the data set has.
 * @returns The sampler.
 * @throws {OptionError} If the count is not a positive integer, or the data set is empty.
 */
export function classBalancedSampler(
  dataset: Dataset,
  options: { numSamples?: number } = {},
): Sampler {
  if (dataset.length === 0) {
    throw new OptionError("dataset.length", dataset.length, "at least 1");
  }
  const { numSamples: length = dataset.length } = options;
  requireInteger("numSamples", length);
  const classes = byClass(dataset, Array(dataset.length).keys());
  return {
    length,
    order({ seed, epoch }) {
      // If some classes are visited once more than others, the epoch decides which.
      const inTurn = permutation(classes.length, {
        seed,
        stream: STREAMS.balance,
        step: epoch,
      });
      const rounds = Math.ceil(length / classes.length);
      const samples = classes.map(({ label, members }) =>
        deal(members, {
          seed,
          stream: STREAMS.balance + 1 + label,
          step: epoch * rounds,
        })
      );
      return epochOrder(length, { seed, epoch, shuffle: true })
        .map((i) => samples[inTurn[i % classes.length]].next().value);
    },
  };
}

/** Yields all samples in a random order, then in another one, and so on. */
function* deal(
  samples: readonly number[],
  source: { seed: number; stream: number; step: number },
): Generator<number, never> {
  for (let { step } = source;; step++) {
    const order = permutation(samples.length, { ...source, step });
    for (const i of order) yield samples[i];
  }
}
