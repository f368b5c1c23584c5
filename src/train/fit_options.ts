/**
 * What the trainer is told, and what it tells.
 *
 * @module
 */

import type { Precision } from "../nn/precision.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import type { BatchSource } from "./batch_source.ts";
import type { Callbacks, EpochEnd } from "./callbacks.ts";
import type { Communicator } from "./communicator.ts";
import type { Interruption } from "./interruption.ts";
import type { Checkpoints, TrainingState } from "./state.ts";

/** Options of {@linkcode fit}. */
export interface FitOptions {
  /** Times through the data. Default 1. */
  epochs?: number;
  /** Turns gradients into new weights. Default `sgd()`, freed at the end; one that is given stays the caller's. */
  optimizer?: Optimizer;
  /** Sets the optimizer's learning rate before every step. Default: it stays as the optimizer and callbacks have it. */
  schedule?: Schedule;
  /** Largest norm of all gradients of a step as one vector: larger ones are scaled down to it. Default: no limit. */
  clipNorm?: number;
  /** Data to take the accuracy on after each epoch. */
  validation?: BatchSource;
  /**
   * What to store activations as and to read kernels as, default "float32". With "float16" weights stay float32, the loss
   * is scaled, and steps whose gradients overflow are skipped, see {@linkcode LossScale}. Evaluation is in float32.
   */
  precision?: Precision;
  /** Who watches. */
  callbacks?: readonly Callbacks[];
  /**
   * Stop training at the end of the step in which this much time has passed, in milliseconds, and still evaluate.
   * Evaluation after full epochs counts as well. Default: no limit.
   */
  maxTimeMs?: number;
  /**
   * Data to take the accuracy on as well after each epoch, for `measuredTrainAccuracy`: that of training, as it is when it is
   * evaluated. Default: none.
   */
  measureTrain?: BatchSource;
  /** Receives states of the run, to go on from. */
  checkpoints?: Checkpoints;
  /**
   * Goes on from a state, exactly: the losses are those of a run that was never interrupted, if data, network, optimizer,
   * callbacks and options are made as they were then, on the same device. More epochs may follow.
   */
  resume?: TrainingState;
  /** Ends training after the step in progress, without evaluation, and has the state kept. */
  signal?: AbortSignal;
  /** Report progress every so many steps of an epoch, besides about once a second. */
  logEvery?: number;
  /**
   * Trains together with other processes, each of which calls `fit` with the same data, network and options and takes its
   * part of every batch: the batches, and but for rounding the losses, are those of one process. All go on from the weights
   * and the state of process 0, which alone should have `checkpoints` and callbacks that write. Default: alone.
   */
  communicator?: Communicator;
  /**
   * With a communicator: what of the gradients is sent. "float16" is half the bytes; what it rounds off is sent later. Default
   * "none": all of it.
   */
  compression?: "none" | "float16";
  /**
   * With a communicator: steps that each process trains by its own part of the batches before all average their weights and
   * what the optimizer keeps (local SGD; Stich, 2019). Default 1: they average gradients at each step.
   */
  syncEvery?: number;
}

/** What {@linkcode fit} did. */
export interface History {
  /** A record per epoch, those before a state that the run went on from included; the last may be of a part of one. */
  readonly epochs: readonly EpochEnd[];
  /** Training steps over the run. */
  readonly steps: number;
  /** Those of them that changed no weight, as gradients overflowed float16. */
  readonly skippedSteps: number;
  /** Whether all epochs were done, the time was up, a callback asked to stop, or `signal` did. */
  readonly stopped: "completed" | Interruption;
}
