/**
 * The trainer.
 *
 * @module
 */

import { ensureBackend } from "../device/open.ts";
import { OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";
import { requirePrecision } from "../nn/precision.ts";
import type { Sequential } from "../nn/sequential.ts";
import { NormClip } from "../optim/clip.ts";
import { LossScale } from "../optim/loss_scale.ts";
import { sgd } from "../optim/sgd.ts";
import type { BatchSource } from "./batch_source.ts";
import { checkNames } from "./callback_states.ts";
import { measure } from "./evaluate.ts";
import type { FitOptions, History } from "./fit_options.ts";
import { type LossAndAccuracy, requireFinite } from "./metrics.ts";
import { Replicas } from "./replicas.ts";
import { Run } from "./run.ts";
import { requireTogether } from "./together.ts";

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
  const { epochs = 1 } = options;
  const resume = await run.meetOthers(options.resume);
  if (resume) run.restore(resume);
  const first = run.epoch;
  while (run.epoch <= epochs) {
    // An epoch that this call begins with is begun, however little time there is.
    if (await run.mustEnd({ exceptLate: run.epoch === first })) break;
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

/** Evaluates after an epoch; nothing where the run is to end at once, and then its state is kept. */
async function _measure(
  run: Run,
  { validation, measureTrain, communicator }: FitOptions,
): Promise<{ train?: LossAndAccuracy; test?: LossAndAccuracy } | undefined> {
  if (run.wasAborted) return;
  const options = {
    communicator,
    epoch: run.epoch,
    onProgress: run.lookout.tell.bind(run.lookout),
    mustStop: run.isAborted.bind(run),
  };
  const test = validation && await measure(run.net, validation, options);
  // Of weights that are no longer numbers there is no epoch to go on from.
  if (test) requireFinite(test.loss, { epoch: run.epoch, step: run.step - 1 });
  const train = measureTrain && !run.wasAborted
    ? await measure(run.net, measureTrain, options)
    : undefined;
  if (!run.wasAborted) return { test, train };
  await run.save();
}
