/** Callbacks: what training tells them, and what they remember when a run goes on. */

import type { Scalar } from "../device/tf.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";

/** What is told after a training step. */
export interface StepEnd {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Step, from 0 over the run. */
  readonly step: number;
  /** Mean loss of the batch, in nats: float32 scalar, alive until the callback's promise settles. */
  readonly loss: Scalar;
  /** Correct predictions in the batch: int32 scalar, alive until the callback's promise settles. */
  readonly correct: Scalar;
  /** Images in the batch. */
  readonly count: number;
}

/** How far a phase is, told about once a second, when the device has caught up. */
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

/** What is told after an epoch and its evaluation. */
export interface EpochEnd {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Mean loss over the epoch's training batches, each taken before its step changed the weights. */
  readonly loss: number;
  /** Accuracy over the same batches, in [0, 1], with dropout on. */
  readonly trainAccuracy: number;
  /** Accuracy on the validation data after the epoch, in [0, 1]; `undefined` without such data. */
  readonly testAccuracy: number | undefined;
  /** Mean loss on the same data, in nats. */
  readonly testLoss: number | undefined;
  /** Accuracy on the training data after the epoch, with dropout off, in [0, 1]; `undefined` unless asked for. */
  readonly measuredTrainAccuracy: number | undefined;
  /** Whether training stopped before the epoch's end. */
  readonly isPartial: boolean;
  /** Training steps so far, over the run. */
  readonly steps: number;
  /** Step size of the epoch's last step. */
  readonly learningRate: number;
  /** Wall time of the epoch, evaluation included, in seconds. */
  readonly seconds: number;
  /** Seconds of the epoch in which training waited for its batches. */
  readonly waitSeconds: number;
  /** Training images per second, evaluation not counted. */
  readonly imagesPerSecond: number;
}

/** A run of `fit`, as callbacks see it. */
export interface Training {
  /** The network. */
  readonly net: Sequential;
  /** What changes its weights; its `learningRate` may be set. */
  readonly optimizer: Optimizer;
  /** Asks `fit` to end after this step, and then to evaluate. After an epoch's end it only ends. */
  stop(): void;
}

/** Functions that `fit` calls and waits for, those of several callbacks one after the other. */
export interface Callbacks {
  /** Names the state of the callback among those of others. Needed with `saveState`, and unique. */
  readonly name?: string;
  /** After each step, without waiting for the device. */
  onStepEnd?(event: StepEnd, training: Training): void | Promise<void>;
  /** About once a second, and at every `logEvery` steps. */
  onProgress?(event: Progress): void | Promise<void>;
  /** After each epoch. */
  onEpochEnd?(event: EpochEnd, training: Training): void | Promise<void>;
  /**
   * Called for each checkpoint, which keeps the answer for a resumed run.
   *
   * @returns What the callback has to remember, as JSON can hold it.
   */
  saveState?(): unknown;
  /**
   * Called before the first step of a resumed run.
   *
   * @param state What `saveState` gave when the checkpoint was written.
   * @param training The run, which may be stopped at once.
   */
  restoreState?(state: unknown, training: Training): void;
}

/** What callbacks said by `saveState`, by their names. */
export type CallbackStates = Readonly<Record<string, unknown>>;
