/**
 * The trainer.
 *
 * @module
 */

import { ensureBackend } from "../kernels/init.ts";
import { DataError, OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";
import { type Precision, requirePrecision } from "../nn/precision.ts";
import type { Sequential } from "../nn/sequential.ts";
import { NormClip } from "../optim/clip.ts";
import { LossScale } from "../optim/loss_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { sgd } from "../optim/sgd.ts";
import type { Callbacks, EpochEnd, Training } from "./callbacks.ts";
import { type BatchSource, evaluate } from "./evaluate.ts";
import { type LossAndAccuracy, Metrics } from "./metrics.ts";
import { Pacer } from "./pacer.ts";
import { checkFinite, recordStep } from "./step.ts";
import { timed } from "./waiting.ts";

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
  /** Report progress every so many steps over the run, besides about once a second. */
  logEvery?: number;
}

/** What {@linkcode fit} did. */
export interface History {
  /** A record per epoch; the last may be of a part of one. */
  readonly epochs: readonly EpochEnd[];
  /** Training steps in all. */
  readonly steps: number;
  /** Those of them that changed no weight, as gradients overflowed float16. */
  readonly skippedSteps: number;
  /** Whether all epochs were done, or the time was up. */
  readonly stopped: "completed" | "max-time";
}

/** What the parts of a run share. */
interface Run extends Training, Pick<FitOptions, "schedule"> {
  readonly precision: Precision;
  readonly lossScale?: LossScale;
  readonly clip?: NormClip;
  readonly callbacks: readonly Callbacks[];
  readonly logEvery: number;
  readonly deadline: number;
  readonly pacer: Pacer;
  step: number;
  isStopped: boolean;
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
  const { precision = "float32", schedule, clipNorm } = options;
  requireInteger("epochs", epochs);
  if (clipNorm !== undefined) requireNumber("clipNorm", clipNorm, { above: 0 });
  if (logEvery !== Infinity) requireInteger("logEvery", logEvery);
  if (!(maxTimeMs > 0)) {
    throw new OptionError("maxTimeMs", maxTimeMs, "above 0");
  }
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
  const run: Run = {
    net,
    optimizer,
    precision,
    schedule,
    clip: clipNorm ? new NormClip({ maxNorm: clipNorm }) : undefined,
    lossScale: isHalf ? new LossScale() : undefined,
    callbacks: options.callbacks ?? [],
    stop() {
      run.isStopped = true;
    },
    isStopped: false,
    logEvery,
    deadline: performance.now() + maxTimeMs,
    pacer: new Pacer(),
    step: 0,
  };
  const records: EpochEnd[] = [];
  let skippedSteps = 0;
  let stopped: History["stopped"] = "completed";
  try {
    for (let epoch = 1; epoch <= epochs && stopped === "completed"; epoch++) {
      if (epoch > 1 && performance.now() >= run.deadline) {
        stopped = "max-time";
        break;
      }
      train.setEpoch?.(epoch - 1);
      const start = performance.now();
      const trained = await _trainEpoch(run, train, epoch);
      const trainMs = performance.now() - start;
      if (!trained.isComplete) stopped = "max-time";
      const tested = options.validation &&
        await evaluate(net, options.validation, {
          epoch,
          onProgress: async (e) => {
            for (const c of run.callbacks) await c.onProgress?.(e);
          },
        });
      const record: EpochEnd = {
        epoch,
        loss: trained.loss,
        trainAccuracy: trained.accuracy,
        testAccuracy: tested?.accuracy,
        testLoss: tested?.loss,
        measuredTrainAccuracy: undefined,
        steps: run.step,
        learningRate: optimizer.learningRate,
        seconds: (performance.now() - start) / 1000,
        waitSeconds: trained.waitMs / 1000,
        imagesPerSecond: trained.count / trainMs * 1000,
      };
      records.push(record);
      for (const c of run.callbacks) await c.onEpochEnd?.(record, run);
    }
    if (run.lossScale) ({ skippedSteps } = await run.lossScale.read());
  } finally {
    run.lossScale?.dispose();
    run.clip?.dispose();
    if (options.optimizer === undefined) optimizer.dispose();
  }
  return { epochs: records, steps: run.step, skippedSteps, stopped };
}

async function _trainEpoch(
  run: Run,
  train: BatchSource,
  epoch: number,
): Promise<
  LossAndAccuracy & { count: number; waitMs: number; isComplete: boolean }
> {
  const { net, optimizer, precision, lossScale, clip, pacer, callbacks } = run;
  const where = { phase: "train" as const, epoch, batches: train.numBatches };
  const metrics = new Metrics();
  let isComplete = true;
  let waitMs = 0;
  const batches = timed(train, (ms) => waitMs += ms);
  try {
    for await (const { images, labels } of batches) {
      const { step } = run;
      const results = recordStep(net, images, labels, {
        step,
        precision,
        lossScale,
      });
      const { loss, correct, gradients } = results;
      try {
        if (run.schedule) optimizer.learningRate = run.schedule.rateAt(step);
        lossScale?.update(gradients);
        clip?.update(gradients, lossScale);
        optimizer.apply(net.getWeights(), gradients, clip ?? lossScale);
        metrics.update(loss, correct, images.shape[0]);
        gradients.splice(0).forEach((g) => g.dispose());
        for (const c of callbacks) {
          await c.onStepEnd?.({ epoch, step, loss, correct }, run);
        }
      } finally {
        for (const t of [loss, correct, ...gradients]) t.dispose();
      }
      run.step++;
      const isDue = pacer.step();
      const isLate = performance.now() >= run.deadline;
      if (!isDue && !isLate && run.step % run.logEvery !== 0) continue;
      const progress = await metrics.progress(where);
      pacer.caughtUp();
      checkFinite(progress.loss, { epoch, step });
      for (const c of callbacks) await c.onProgress?.(progress);
      isComplete = metrics.batches === train.numBatches ||
        performance.now() < run.deadline;
      if (!isComplete) break;
    }
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
    const means = await metrics.compute();
    checkFinite(means.loss, { epoch, step: run.step - 1 });
    return { ...means, count: metrics.count, waitMs, isComplete };
  } finally {
    metrics.dispose();
  }
}
