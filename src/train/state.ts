/**
 * Everything that a training run needs to go on exactly, on the host.
 *
 * @module
 */

import type { NamedTensor } from "../io/safetensors.ts";
import type { EpochEnd } from "./callbacks.ts";

/** Where a run is: what JSON can say of its state. */
export interface TrainingProgress {
  /** Epoch that is being trained, from 1; one more than there are, once all are done. */
  readonly epoch: number;
  /** Batches of that epoch that are done. */
  readonly batch: number;
  /** Training steps done over the run. */
  readonly step: number;
  /** Sums over those batches: of losses times images, of correct predictions, of images; and seconds of wall time. */
  readonly sums: {
    readonly loss: number;
    readonly correct: number;
    readonly count: number;
    readonly seconds: number;
    readonly waitSeconds: number;
  };
  /** The optimizer's step size. */
  readonly learningRate: number;
  /** The epochs that are done. */
  readonly epochs: readonly EpochEnd[];
  /** What callbacks said by `saveState`, by their names. */
  readonly callbacks: Readonly<Record<string, unknown>>;
}

/** A run at the end of a step. */
export interface TrainingState {
  /** Where it is. */
  readonly progress: TrainingProgress;
  /** The weights, by their names, in the order of `getWeights`. */
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** What else is on the device: the optimizer's tensors and the loss scale, by names that begin with "optimizer." or are "lossScale". */
  readonly others: ReadonlyMap<string, NamedTensor>;
}
