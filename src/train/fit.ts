/** The trainer: the loop over epochs and their batches, why it ends, and how it goes on from a state. */

import type { Batch } from "../data/loader/batch.ts";
import { ensureBackend } from "../device/open.ts";
import { tf } from "../device/tf.ts";
import { DataError, OptionError, TrainingError } from "../errors.ts";
import { type Precision, requirePrecision } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import { LossScale, NormClip } from "../optim/gradient_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { sgd } from "../optim/sgd.ts";
import { requireInteger, requireNumber } from "../options.ts";
import {
  batchesFrom,
  type BatchSource,
  learnClasses,
  requireKnown,
} from "./batch_source.ts";
import type { Callbacks, EpochEnd, Progress, Training } from "./callbacks.ts";
import { anywhere, type Communicator } from "./communicator.ts";
import { measure } from "./evaluate.ts";
import {
  type LossAndAccuracy,
  Metrics,
  NO_SUMS,
  Pacer,
  pause,
  type PhaseOfEpoch,
} from "./metrics.ts";
import { Replicas, requireTogether } from "./replicas.ts";
import {
  type Checkpoints,
  readDevice,
  restoreDevice,
  type TrainingState,
} from "./state.ts";
import { type UpdateParts, updateWeights } from "./step.ts";

/** Options of {@linkcode fit}. */
export interface FitOptions {
  /** Times through the data. Default 1. */
  epochs?: number;
  /** Turns gradients into new weights; the caller disposes it. Default: `sgd()`, which `fit` disposes at the end. */
  optimizer?: Optimizer;
  /** Sets the optimizer's learning rate before every step. Default: none, so that the optimizer and callbacks set it. */
  schedule?: Schedule;
  /** Largest norm of all gradients of a step as one vector: larger ones are scaled down to it. Default: no limit. */
  clipNorm?: number;
  /** Data on which loss and accuracy are measured after each epoch. */
  validation?: BatchSource;
  /**
   * What to store activations as and to read kernels as, default "float32". With "float16" weights stay float32, the loss
   * is scaled, and steps whose gradients overflow are skipped, see {@linkcode LossScale}. Evaluation is in float32.
   */
  precision?: Precision;
  /** What to call as training goes on. */
  callbacks?: readonly Callbacks[];
  /**
   * Stops training at the end of the step in which this much time has passed, in milliseconds, and still evaluates. The time of
   * evaluations counts as well. Default: no limit.
   */
  maxTimeMs?: number;
  /** Training data without its random changes, for `measuredTrainAccuracy` after each epoch. Default: none. */
  measureTrain?: BatchSource;
  /** Keeps states of the run, from which a later run can go on. */
  checkpoints?: Checkpoints;
  /**
   * Goes on from a state. The losses are exactly those of a run that was never interrupted, if data, network, optimizer,
   * callbacks and options are made as they were then, on the same device. There may be more epochs than then.
   */
  resume?: TrainingState;
  /** Ends training after the step in progress, without an evaluation, and saves a checkpoint where there are `checkpoints`. */
  signal?: AbortSignal;
  /** Tells progress every so many steps of an epoch, besides about once a second. */
  logEvery?: number;
  /**
   * Trains together with other processes, each of which calls `fit` with the same data, network and options and takes its
   * part of every batch. The batches are those of one process, and so are the losses but for rounding. All begin with the
   * weights and the state of process 0, which alone should have `checkpoints` and callbacks that write. Default: alone.
   */
  communicator?: Communicator;
  /**
   * With a communicator: how gradients are sent. "float16" is half the bytes; what it rounds off is added to the gradients of
   * the next step. Default "none": as they are.
   */
  compression?: "none" | "float16";
  /**
   * With a communicator: each process trains so many steps on its own part of the batches. Then all average their weights and
   * what the optimizer keeps (local SGD; Stich, 2019). Default 1: they average gradients at each step.
   */
  syncEvery?: number;
}

/** Why training ended before all its epochs were done. */
export type Interruption = "max-time" | "stopped" | "aborted";

/** What {@linkcode fit} did. */
export interface History {
  /** A record per epoch, also of those before the state that the run went on from. The last epoch may be partial. */
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
 * @throws {ShapeError} If a batch does not fit the network, a label is none of its classes, or the network does not fit the device.
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
  checkOptions(options);
  await ensureBackend();
  requirePrecision(options.precision ?? "float32");
  const run = new Run(net, options);
  try {
    return await run.train(train);
  } finally {
    run.dispose();
  }
}

function checkOptions(options: FitOptions): void {
  const { epochs = 1, maxTimeMs = Infinity, logEvery = Infinity } = options;
  const { clipNorm, optimizer, precision = "float32" } = options;
  requireInteger("epochs", epochs);
  if (clipNorm !== undefined) requireNumber("clipNorm", clipNorm, { above: 0 });
  if (logEvery !== Infinity) requireInteger("logEvery", logEvery);
  if (!(maxTimeMs > 0)) {
    throw new OptionError("maxTimeMs", maxTimeMs, "above 0");
  }
  const names = saversOf(options).map(({ name }) => name);
  names.forEach((name, i) => {
    if (name && names.indexOf(name) === i) return;
    throw new OptionError(
      "callbacks.name",
      name,
      "a name of its own for each that has saveState",
    );
  });
  const needsScale = precision === "float16" || clipNorm !== undefined;
  if (needsScale && optimizer && !optimizer.takesLossScale) {
    throw new OptionError(
      "optimizer",
      optimizer.description,
      "one that takesLossScale, as sgd() and adam() do, to train in float16 or with clipNorm",
    );
  }
  const everySteps = options.checkpoints?.everySteps;
  requireTogether({ ...options, precision, everySteps });
}

/** The callbacks whose states a checkpoint keeps. */
function saversOf({ callbacks = [] }: FitOptions): Callbacks[] {
  return callbacks.filter(({ saveState }) => saveState !== undefined);
}

/** A training run in progress. */
class Run implements Training {
  readonly net: Sequential;
  readonly optimizer: Optimizer;
  readonly #options: FitOptions;
  readonly #parts: UpdateParts;
  readonly #callbacks: readonly Callbacks[];
  /** Ties to the processes that train together with this one. */
  readonly #replicas: Replicas | undefined;
  /** When the time is up, by `performance.now()`. */
  readonly #deadline: number;
  readonly #pacer = new Pacer();
  /** Epoch in progress, from 1. */
  #epoch = 1;
  /** Steps done. */
  #step = 0;
  /** The epochs that are done. */
  readonly #epochs: EpochEnd[] = [];
  /** Why the run has to end, if it has to. */
  #interruption: Interruption | undefined;
  /** Sums over the epoch in progress, once it has begun. */
  #metrics: Metrics | undefined;
  #waitMs = 0;
  /** Wall time of the epoch's training, in seconds, once all its batches are done. */
  #trainSeconds: number | undefined;

  constructor(net: Sequential, options: FitOptions) {
    const { optimizer = sgd(), precision = "float32", clipNorm } = options;
    const { schedule, communicator, maxTimeMs = Infinity } = options;
    this.net = net;
    this.optimizer = optimizer;
    this.#options = options;
    this.#parts = {
      net,
      optimizer,
      precision,
      schedule,
      clip: clipNorm ? new NormClip({ maxNorm: clipNorm }) : undefined,
      lossScale: precision === "float16" ? new LossScale() : undefined,
    };
    this.#callbacks = options.callbacks ?? [];
    this.#replicas = communicator && new Replicas(communicator, options);
    this.#deadline = performance.now() + maxTimeMs;
  }

  stop(): void {
    this.#interruption ??= "stopped";
  }

  /** Trains epoch after epoch, until all are done or the run has to end. */
  async train(train: BatchSource): Promise<History> {
    const { epochs = 1, resume, validation, measureTrain } = this.#options;
    learnClasses(this.net, train);
    for (const data of [train, validation, measureTrain]) {
      if (data) requireKnown(data, this.net);
    }
    this.#options.checkpoints?.begin?.(this.net, validation ?? train);
    const state = this.#replicas
      ? await this.#replicas.begin(this.#parts, resume)
      : resume;
    if (state) this.#restore(state);
    const first = this.#epoch;
    while (this.#epoch <= epochs) {
      // The first epoch of this call begins even if the time is up.
      if (await this.#mustEnd({ exceptLate: this.#epoch === first })) break;
      const trained = await this.#trainEpoch(train);
      // Saved before `onEpochEnd`: a resumed run finishes this epoch, so its callbacks must not remember that it has ended.
      const isSaved = this.#interruption !== undefined;
      if (isSaved) await this.#save();
      const test = await this.#evaluate(validation);
      // No run can go on from weights that are not finite.
      if (test) this.#requireFinite(test.loss);
      const measured = await this.#evaluate(measureTrain);
      if (this.#interruption === "aborted") {
        if (!isSaved) await this.#save();
        break;
      }
      await this.#endEpoch({
        epoch: this.#epoch,
        loss: trained.loss,
        trainAccuracy: trained.accuracy,
        testAccuracy: test?.accuracy,
        testLoss: test?.loss,
        measuredTrainAccuracy: measured?.accuracy,
        isPartial: !trained.isWhole,
        steps: this.#step,
        learningRate: this.optimizer.learningRate,
        seconds: this.#metrics!.seconds,
        waitSeconds: this.#waitMs / 1000,
        imagesPerSecond: trained.imagesPerSecond,
      });
    }
    const scale = await this.#parts.lossScale?.read();
    return {
      epochs: this.#epochs,
      steps: this.#step,
      skippedSteps: scale?.skippedSteps ?? 0,
      stopped: this.#interruption ?? "completed",
    };
  }

  dispose(): void {
    this.#metrics?.dispose();
    this.#parts.lossScale?.dispose();
    this.#parts.clip?.dispose();
    if (this.#options.optimizer === undefined) this.optimizer.dispose();
  }

  #restore(state: TrainingState): void {
    const { progress } = state;
    restoreDevice(this.#parts, state);
    this.optimizer.learningRate = progress.learningRate;
    this.#epoch = progress.epoch;
    this.#step = progress.step;
    this.#epochs.push(...progress.epochs);
    this.#metrics = new Metrics(progress.sums);
    this.#waitMs = progress.waitSeconds * 1000;
    for (const callback of this.#callbacks) {
      const { name = "" } = callback;
      if (!Object.hasOwn(progress.callbacks, name)) continue;
      callback.restoreState?.(progress.callbacks[name], this);
    }
  }

  /** Waits for the device and saves a checkpoint, if the run keeps any. */
  async #save(): Promise<void> {
    const { checkpoints } = this.#options;
    if (checkpoints === undefined) return;
    const sums = await this.#metrics?.read() ?? NO_SUMS;
    const device = await readDevice(this.#parts);
    const progress = {
      epoch: this.#epoch,
      step: this.#step,
      sums: { ...sums, seconds: this.#trainSeconds ?? sums.seconds },
      waitSeconds: this.#waitMs / 1000,
      learningRate: this.optimizer.learningRate,
      epochs: this.#epochs.filter(({ isPartial }) => !isPartial),
      callbacks: Object.fromEntries(
        saversOf(this.#options).map((c) => [c.name!, c.saveState!()]),
      ),
    };
    await checkpoints.save({ ...device, progress });
  }

  /**
   * Asks this process and those that train together with it whether the run has to end; `exceptLate` ignores the
   * deadline.
   */
  async #mustEnd({ exceptLate }: { exceptLate: boolean }): Promise<boolean> {
    const { signal, communicator } = this.#options;
    const isLate = performance.now() >= this.#deadline && !exceptLate;
    const [isAborted, isStopped, isOver] = await anywhere(communicator, [
      this.#interruption === "aborted" || (signal?.aborted ?? false),
      this.#interruption === "stopped",
      this.#interruption === "max-time" || isLate,
    ]);
    if (isAborted) this.#interruption = "aborted";
    else if (isStopped) this.#interruption ??= "stopped";
    else if (isOver) this.#interruption ??= "max-time";
    return this.#interruption !== undefined;
  }

  /** Trains on the batches of the epoch that are left, until there are no more or the run has to end. */
  async #trainEpoch(
    train: BatchSource,
  ): Promise<Progress & { isWhole: boolean }> {
    const { everySteps = Infinity } = this.#options.checkpoints ?? {};
    const { numBatches } = train;
    const epoch = this.#epoch;
    const where = { phase: "train", epoch, batches: numBatches } as const;
    const metrics = this.#metrics ??= new Metrics();
    let isWhole = true;
    if (metrics.batches !== numBatches) {
      const batches = batchesFrom(train, this.net, {
        epoch: epoch - 1,
        firstBatch: metrics.batches,
        shard: this.#replicas?.shard,
      });
      let asked = performance.now();
      for await (const batch of batches) {
        this.#waitMs += performance.now() - asked;
        await this.#trainStep(batch, metrics);
        const isKept = this.#step % everySteps === 0;
        await this.#look(metrics, { where, isDue: isKept });
        const isLast = metrics.batches === numBatches;
        if (await this.#mustEnd({ exceptLate: isLast })) {
          isWhole = isLast;
          break;
        }
        if (isKept) await this.#save();
        asked = performance.now();
      }
    }
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
    await this.#replicas?.meet(this.#parts);
    const progress = await metrics.progress(where);
    this.#requireFinite(progress.loss);
    const seconds = this.#trainSeconds ?? metrics.seconds;
    if (isWhole) this.#trainSeconds = seconds;
    return { ...progress, imagesPerSecond: metrics.count / seconds, isWhole };
  }

  async #trainStep(batch: Batch, metrics: Metrics): Promise<void> {
    const [epoch, step] = [this.#epoch, this.#step];
    const { loss, correct, count } = this.#replicas
      ? await this.#replicas.update(this.#parts, batch, step)
      : updateWeights(this.#parts, batch, step);
    try {
      metrics.update(loss, correct, count);
      const event = { epoch, step, loss, correct, count };
      for (const c of this.#callbacks) await c.onStepEnd?.(event, this);
    } finally {
      tf.dispose([loss, correct]);
    }
    this.#step++;
  }

  /** Waits for the device about once a second, or because it `isDue`, and tells callbacks what it finds. */
  async #look(
    metrics: Metrics,
    { where, isDue }: { where: PhaseOfEpoch; isDue: boolean },
  ): Promise<void> {
    const { logEvery = Infinity } = this.#options;
    const isTime = this.#pacer.step() || performance.now() >= this.#deadline;
    if (!isDue && !isTime && metrics.batches % logEvery !== 0) return;
    const progress = await metrics.progress(where);
    this.#pacer.caughtUp();
    // Callbacks are told of a loss that is not finite before it ends the run.
    await this.#tell(progress);
    await pause();
    this.#requireFinite(progress.loss);
  }

  /** Evaluates after an epoch, unless the run has to end at once. */
  async #evaluate(
    data: BatchSource | undefined,
  ): Promise<LossAndAccuracy | undefined> {
    if (data === undefined || this.#interruption === "aborted") return;
    const { communicator, signal } = this.#options;
    const measured = await measure(this.net, data, {
      communicator,
      signal,
      epoch: this.#epoch,
      onProgress: (progress) => this.#tell(progress),
    });
    if (measured === undefined) this.#interruption = "aborted";
    return measured;
  }

  /** Tells callbacks that an epoch is over and, if it was whole, saves the state in which the next one begins. */
  async #endEpoch(record: EpochEnd): Promise<void> {
    for (const c of this.#callbacks) await c.onEpochEnd?.(record, this);
    this.#epochs.push(record);
    if (record.isPartial) return;
    this.#epoch++;
    this.#metrics?.dispose();
    this.#metrics = undefined;
    this.#waitMs = 0;
    this.#trainSeconds = undefined;
    await this.#save();
  }

  async #tell(progress: Progress): Promise<void> {
    for (const c of this.#callbacks) await c.onProgress?.(progress);
  }

  #requireFinite(loss: number): void {
    if (Number.isFinite(loss)) return;
    const where = { epoch: this.#epoch, step: this.#step - 1 };
    throw new TrainingError(
      `The mean loss became ${loss} by step ${where.step} in epoch ${where.epoch}: try a smaller learning rate, and check that all labels are in [0, classes)`,
      where,
    );
  }
}
