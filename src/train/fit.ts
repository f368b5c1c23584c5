/**
 * The trainer.
 *
 * @module
 */

import { ensureBackend } from "../device/open.ts";
import { OptionError } from "../errors.ts";
import { type Precision, requirePrecision } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import { LossScale, NormClip } from "../optim/gradient_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { sgd } from "../optim/sgd.ts";
import { requireInteger, requireNumber } from "../options.ts";
import type { BatchSource } from "./batch_source.ts";
import {
  type Callbacks,
  checkNames,
  type EpochEnd,
  type Progress,
} from "./callbacks.ts";
import type { Communicator } from "./communicator.ts";
import { measure } from "./evaluate.ts";
import { type LossAndAccuracy, requireFiniteLoss } from "./metrics.ts";
import { Replicas, requireTogether } from "./replicas.ts";
import { type Interruption, Run } from "./run.ts";
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
   * Training data, without its random changes, to take the accuracy on after each epoch, for `measuredTrainAccuracy`.
   * Default: none.
   */
  measureTrain?: BatchSource;
  /** Receives states of the run, to go on from. */
  checkpoints?: Checkpoints;
  /**
   * Goes on from a state, exactly: the losses are those of a run that was never interrupted, if data, network, optimizer,
   * callbacks and options are made as they were then, on the same device. More epochs may follow.
   */
  resume?: TrainingState;
  /** Ends training after the step in progress, without an evaluation, and saves a checkpoint where there are `checkpoints`. */
  signal?: AbortSignal;
  /** Report progress every so many steps of an epoch, besides about once a second. */
  logEvery?: number;
  /**
   * Trains together with other processes, each of which calls `fit` with the same data, network and options and takes its
   * part of every batch. The batches are those of one process, and so are the losses but for rounding. All begin with the
   * weights and the state of process 0, which alone should have `checkpoints` and callbacks that write. Default: alone.
   */
  communicator?: Communicator;
  /**
   * With a communicator: how gradients are sent. "float16" is half the bytes, and what it rounds off is sent with the next
   * step's. Default "none": as they are.
   */
  compression?: "none" | "float16";
  /**
   * With a communicator: each process trains so many steps on its own part of the batches. Then all average their weights and
   * what the optimizer keeps (local SGD; Stich, 2019). Default 1: they average gradients at each step.
   */
  syncEvery?: number;
}

/** What {@linkcode fit} did. */
export interface History {
  /** A record per epoch, including those before the state that the run went on from; the last may be of a part of an epoch. */
  readonly epochs: readonly EpochEnd[];
  /** Training steps over the run. */
  readonly steps: number;
  /** Steps among them that changed no weight because gradients overflowed float16. */
  readonly skippedSteps: number;
  /** Why it ended: all epochs were done, the time was up, a callback asked to stop, or `signal` did. */
  readonly stopped: "completed" | Interruption;
}

/**
 * Trains a network. Loss and accuracy stay on the device and are read about once a second.
 *
 * The same network seed and data seed on the same device give the same weights.
 *
 * @example
 * ```ts
 * import { fit, initBackend, lenet, loadFashionMnist, sgd } from "@x/alexnet";
 *
 * await initBackend();
 * const { train, test } = await loadFashionMnist({ source: "sample", batchSize: 64 });
 * const history = await fit(lenet({ seed: 1 }), train, {
 *   epochs: 5,
 *   optimizer: sgd({ learningRate: 0.9 }),
 *   validation: test,
 *   callbacks: [{ onEpochEnd: (e) => console.log(e.epoch, e.loss, e.testAccuracy) }],
 * });
 * console.log(history.epochs.at(-1)?.testAccuracy);
 * ```
 *
 * @param net The network; its weights change in place.
 * @param train Batches of images and labels; iterated once per epoch.
 * @param options Epochs, optimizer, validation data, callbacks and limits.
 * @returns What was measured in each epoch.
 * @throws {OptionError} If an option is out of its range.
 * @throws {ShapeError} If a batch does not fit the network, or the network does not fit the device.
 * @throws {DataError} If there is no batch.
 * @throws {TrainingError} If the loss is not finite.
 * @throws {BackendError} If the device reported an error.
 * @throws {DistributedError} If a process that trains together with this one has failed.
 */
export async function fit(
  net: Sequential,
  train: BatchSource,
  options: FitOptions = {},
): Promise<History> {
  const { epochs = 1, maxTimeMs = Infinity, logEvery = Infinity } = options;
  const { precision = "float32", clipNorm } = options;
  requireInteger("epochs", epochs);
  if (clipNorm !== undefined) requireNumber("clipNorm", clipNorm, { above: 0 });
  if (logEvery !== Infinity) requireInteger("logEvery", logEvery);
  if (!(maxTimeMs > 0)) {
    throw new OptionError("maxTimeMs", maxTimeMs, "above 0");
  }
  checkNames(options.callbacks ?? []);
  await ensureBackend();
  requirePrecision(precision);
  const optimizer = options.optimizer ?? sgd();
  const isHalf = precision === "float16";
  if ((isHalf || clipNorm !== undefined) && !optimizer.takesLossScale) {
    throw new OptionError(
      "optimizer",
      optimizer.description,
      "one that takesLossScale, as sgd() and adam() do, to train in float16 or with clipNorm",
    );
  }
  const { communicator, compression, syncEvery } = options;
  const together = { compression, syncEvery };
  const everySteps = options.checkpoints?.everySteps;
  requireTogether({ ...together, precision, everySteps });
  const run = new Run({
    net,
    replicas: communicator && new Replicas(communicator, together),
    optimizer,
    precision,
    schedule: options.schedule,
    clip: clipNorm ? new NormClip({ maxNorm: clipNorm }) : undefined,
    lossScale: isHalf ? new LossScale() : undefined,
    callbacks: options.callbacks ?? [],
    checkpoints: options.checkpoints,
    signal: options.signal,
    logEvery,
    deadline: performance.now() + maxTimeMs,
  });
  try {
    return await trainEpochs(run, train, options);
  } finally {
    run.dispose();
    if (options.optimizer === undefined) optimizer.dispose();
  }
}

/** Trains epoch after epoch, until all are done or the run has to end. */
async function trainEpochs(
  run: Run,
  train: BatchSource,
  options: FitOptions,
): Promise<History> {
  const { epochs = 1 } = options;
  const resume = await run.meetOthers(options.resume);
  if (resume) run.restore(resume);
  const first = run.epoch;
  while (run.epoch <= epochs) {
    // The first epoch of this call begins even if the time is up.
    if (await run.mustEnd({ exceptLate: run.epoch === first })) break;
    const trained = await run.trainEpoch(train);
    // The checkpoint comes before `onEpochEnd`: a resumed run finishes this epoch, and its callbacks must not have seen the end.
    if (run.interruption !== undefined) await run.save();
    const measured = await measureEpoch(run, options);
    if (measured === undefined) break;
    await run.endEpoch({
      epoch: run.epoch,
      loss: trained.loss,
      trainAccuracy: trained.accuracy,
      testAccuracy: measured.test?.accuracy,
      testLoss: measured.test?.loss,
      measuredTrainAccuracy: measured.train?.accuracy,
      isPartial: !trained.isWhole,
      steps: run.step,
      learningRate: run.optimizer.learningRate,
      seconds: run.seconds,
      waitSeconds: run.waitSeconds,
      imagesPerSecond: trained.imagesPerSecond,
    });
  }
  return {
    epochs: run.epochs,
    steps: run.step,
    skippedSteps: await run.countSkipped(),
    stopped: run.interruption ?? "completed",
  };
}

/** Evaluates after an epoch. If the run is aborted meanwhile, saves a checkpoint and gives nothing. */
async function measureEpoch(
  run: Run,
  { validation, measureTrain, communicator }: FitOptions,
): Promise<{ train?: LossAndAccuracy; test?: LossAndAccuracy } | undefined> {
  if (run.wasAborted) return;
  const options = {
    communicator,
    epoch: run.epoch,
    onProgress: (progress: Progress) => run.tell(progress),
    mustStop: () => run.isAborted(),
  };
  const test = validation && await measure(run.net, validation, options);
  // Weights that are not finite give no epoch to go on from.
  if (test) {
    requireFiniteLoss(test.loss, { epoch: run.epoch, step: run.step - 1 });
  }
  const train = measureTrain && !run.wasAborted
    ? await measure(run.net, measureTrain, options)
    : undefined;
  if (!run.wasAborted) return { test, train };
  await run.save();
}
