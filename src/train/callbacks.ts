/**
 * What happens during training, for whoever wants to watch.
 *
 * @module
 */

import type { Scalar } from "../backend/tf.ts";

/** A training step is over. */
export interface StepEnd {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Step, from 0 over the run. */
  readonly step: number;
  /** Mean loss of the batch, in nats: float32 scalar, alive until the callback's promise settles. */
  readonly loss: Scalar;
  /** Correct predictions in the batch: int32 scalar, alive until the callback's promise settles. */
  readonly correct: Scalar;
}

/** The device has caught up, about once a second: numbers for a progress bar. */
export interface Progress {
  /** What is going on. */
  readonly phase: "train" | "evaluate";
  /** Epoch, from 1; 0 outside of `fit`. */
  readonly epoch: number;
  /** Batches done in this phase of this epoch. */
  readonly batch: number;
  /** Batches of this phase, where the data says so. */
  readonly batches: number | undefined;
  /** Mean loss so far in this phase, in nats. */
  readonly loss: number;
  /** Accuracy so far in this phase, in [0, 1]. */
  readonly accuracy: number;
  /** Images per second so far in this phase. */
  readonly imagesPerSecond: number;
  /** Mean seconds per batch so far in this phase. */
  readonly secondsPerBatch: number;
}

/** An epoch is over, its evaluation included. */
export interface EpochEnd {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Mean loss over the epoch's training batches, each taken before its step changed the weights. */
  readonly loss: number;
  /** Accuracy over the same batches, in [0, 1], with dropout on. */
  readonly trainAccuracy: number;
  /** Accuracy on the validation data after the epoch, in [0, 1]; `undefined` without such data. */
  readonly testAccuracy: number | undefined;
  /** Wall time of the epoch, evaluation included, in seconds. */
  readonly seconds: number;
  /** Seconds of those in which training waited for its batches to be made. */
  readonly waitSeconds: number;
  /** Training images per second, evaluation not counted. */
  readonly imagesPerSecond: number;
}

/** Functions that `fit` calls and waits for. */
export interface Callbacks {
  /** After each step, without waiting for the device. */
  onStepEnd?(event: StepEnd): void | Promise<void>;
  /** About once a second, and at every `logEvery` steps. */
  onProgress?(event: Progress): void | Promise<void>;
  /** After each epoch. */
  onEpochEnd?(event: EpochEnd): void | Promise<void>;
}
