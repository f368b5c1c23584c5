/**
 * The trainer.
 *
 * @module
 */

import { ensureBackend } from "../kernels/init.ts";
import { OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";
import { type Precision, requirePrecision } from "../nn/precision.ts";
import type { Sequential } from "../nn/sequential.ts";
import { NormClip } from "../optim/clip.ts";
import { LossScale } from "../optim/loss_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { sgd } from "../optim/sgd.ts";
import type { BatchSource } from "./batch_source.ts";
import { checkNames } from "./callback_states.ts";
import type { Callbacks, EpochEnd } from "./callbacks.ts";
import { evaluate } from "./evaluate.ts";
import { type LossAndAccuracy, requireFinite } from "./metrics.ts";
import { Run } from "./run.ts";
import type { Interruption } from "./run_parts.ts";
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
  const run = new Run({
    net,
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
    return await _go(run, train, options);
  } finally {
    run.dispose();
    if (options.optimizer === undefined) optimizer.dispose();
  }
}

/** Trains epoch after epoch, until all are done or the run has to end. */
async function _go(
  run: Run,
  train: BatchSource,
  options: FitOptions,
): Promise<History> {
  const { epochs = 1, resume } = options;
  if (resume) run.restore(resume);
  const first = run.epoch;
  while (run.epoch <= epochs) {
    // An epoch that this call begins with is begun, however little time there is.
    if (run.mustEnd({ exceptLate: run.epoch === first })) break;
    const trained = await run.trainEpoch(train);
    // Before the end of a part of an epoch does to callbacks what only that of a whole one should.
    if (run.interruption !== undefined) await run.save();
    const measured = await _measure(run, options);
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

/** Evaluates after an epoch; nothing where the signal says so, and then the run's state is kept. */
async function _measure(
  run: Run,
  { validation, measureTrain, signal }: FitOptions,
): Promise<{ train?: LossAndAccuracy; test?: LossAndAccuracy } | undefined> {
  if (run.interruption === "aborted") return;
  const measure = (data: BatchSource) =>
    evaluate(run.net, data, {
      epoch: run.epoch,
      onProgress: (e) => run.report(e),
      signal,
    });
  try {
    const test = validation && await measure(validation);
    // Of weights that are no longer numbers there is no epoch to go on from.
    if (test) {
      requireFinite(test.loss, { epoch: run.epoch, step: run.step - 1 });
    }
    return { test, train: measureTrain && await measure(measureTrain) };
  } catch (error) {
    if (!signal?.aborted) throw error;
    run.interruption = "aborted";
    await run.save();
  }
}
