/**
 * The order in which an epoch visits the samples.
 *
 * @module
 */

import { permutation, STREAMS } from "../random.ts";

/** Which order. */
export interface EpochOrderOptions {
  /** Integer in [0, 2^32): the same seed, the same order. */
  seed: number;
  /** Epoch, from 0: each has its own order. */
  epoch: number;
  /** Whether the order is random; otherwise it is 0, 1, ... */
  shuffle: boolean;
}

/**
 * Orders the samples of a data set for an epoch.
 *
 * @param length Number of samples.
 * @param options Which order.
 * @returns uint32 `[length]`: each index once.
 */
export function epochOrder(
  length: number,
  options: EpochOrderOptions,
): Uint32Array<ArrayBuffer> {
  const { seed, epoch, shuffle } = options;
  if (!shuffle) return Uint32Array.from({ length }, (_, i) => i);
  return permutation(length, { seed, stream: STREAMS.shuffle, step: epoch });
}
