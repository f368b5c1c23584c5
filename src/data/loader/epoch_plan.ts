/**
 * The batches of an epoch: which samples each has.
 *
 * @module
 */

import { OptionError } from "../../errors.ts";
import { checkIndex } from "../dataset.ts";
import { epochOrder, type Sampler } from "../sampler.ts";
import { divide, type Shard, type ShardPlace } from "./batch.ts";

/** Which samples, and which random numbers their transforms draw. */
export interface BatchPlan {
  /** Integer in [0, 2^32). */
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** uint32 `[batch]`: indices into the data set. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** uint32 `[batch]`: how often the epoch has had the sample before. Default: zeros. */
  readonly repeats?: Uint32Array<ArrayBuffer>;
  /** Which part of a whole batch these are. Default: all of it. */
  readonly place?: ShardPlace;
}

/** Which batches. */
export interface EpochPlanOptions {
  /** Samples of the data set. */
  readonly length: number;
  readonly batchSize: number;
  readonly numBatches: number;
  readonly seed: number;
  readonly epoch: number;
  /** Batches to leave out at the beginning. */
  readonly firstBatch: number;
  readonly shuffle: boolean;
  readonly sampler?: Sampler;
  /** Part of each batch. Default: all of it. */
  readonly shard?: Shard;
}

/** Lists the batches of an epoch, in order. */
export function planEpoch(options: EpochPlanOptions): BatchPlan[] {
  const { length, batchSize, numBatches, firstBatch, seed, epoch } = options;
  const { shuffle, sampler, shard } = options;
  let order: Uint32Array<ArrayBuffer>;
  let repeats: Uint32Array<ArrayBuffer> | undefined;
  if (sampler) {
    const chosen = sampler.order({ seed, epoch });
    if (chosen.length !== sampler.length) {
      throw new OptionError(
        "sampler.length",
        sampler.length,
        `the ${chosen.length} samples that its order() chose for epoch ${epoch}`,
      );
    }
    const seen = new Uint32Array(length);
    repeats = new Uint32Array(chosen.length);
    for (let i = 0; i < chosen.length; i++) {
      checkIndex(chosen[i], length);
      repeats[i] = seen[chosen[i]]++;
    }
    order = Uint32Array.from(chosen);
  } else {
    order = epochOrder(length, { seed, epoch, shuffle });
  }
  const plans: BatchPlan[] = [];
  for (let batch = firstBatch; batch < numBatches; batch++) {
    const first = batch * batchSize;
    const total = Math.min(batchSize, order.length - first);
    const { begin, end } = divide(total, shard ?? { index: 0, count: 1 });
    plans.push({
      seed,
      epoch,
      indices: order.slice(first + begin, first + end),
      repeats: repeats?.slice(first + begin, first + end),
      place: shard && { begin, total },
    });
  }
  return plans;
}
