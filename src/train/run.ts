/**
 * A training run in progress: the loop over the batches of an epoch, why it ends, and how it goes on from a state.
 *
 * @module
 */

import type { Batch } from "../data/loader/batch.ts";
import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { batchesFrom, type BatchSource, timed } from "./batch_source.ts";
import {
  type Callbacks,
  type EpochEnd,
  type Progress,
  restoreStates,
  saveStates,
  type Training,
} from "./callbacks.ts";
import { anywhere } from "./communicator.ts";
import {
  type LossAndAccuracy,
  Metrics,
  Pacer,
  pause,
  requireFiniteLoss,
} from "./metrics.ts";
import type { Replicas } from "./replicas.ts";
import {
  type Checkpoints,
  readDevice,
  restoreDevice,
  type TrainingState,
} from "./state.ts";
import { type UpdateParts, updateWeights } from "./step.ts";

/** Why a run ended before all its epochs were done. */
export type Interruption = "max-time" | "stopped" | "aborted";

/** What a run is made of. */
interface RunParts extends UpdateParts {
  /** Ties to the processes that train together with this one. */
  readonly replicas?: Replicas;
  readonly callbacks: readonly Callbacks[];
  readonly checkpoints?: Checkpoints;
  readonly signal?: AbortSignal;
  /** Progress is told every so many steps of an epoch, besides about once a second. */
  readonly logEvery: number;
  /** When the time is up, by `performance.now()`. */
  readonly deadline: number;
}

/** Sums of an epoch that has not begun. */
const NOTHING = { loss: 0, correct: 0, count: 0, batches: 0, seconds: 0 };

/** A run. */
export class Run implements Training {
  readonly net: Sequential;
  readonly optimizer: Optimizer;
  /** Epoch in progress, from 1. */
  epoch = 1;
  /** Steps done. */
  step = 0;
  /** The epochs that are done. */
  readonly epochs: EpochEnd[] = [];
  /** Why the run has to end, if it has to. */
  interruption: Interruption | undefined;
  readonly #parts: RunParts;
  readonly #pacer = new Pacer();
  /** Sums over the epoch in progress, once it has begun. */
  #metrics: Metrics | undefined;
  #waitMs = 0;
  /** Wall time of the epoch's training, in seconds, once all its batches are done. */
  #trainSeconds: number | undefined;

  /** @param parts What it is made of. */
  constructor(parts: RunParts) {
    this.net = parts.net;
    this.optimizer = parts.optimizer;
    this.#parts = parts;
  }

  stop(): void {
    this.interruption ??= "stopped";
  }

  /** Seconds of the epoch in which training waited for its batches. */
  get waitSeconds(): number {
    return this.#waitMs / 1000;
  }

  /** Wall time of the epoch, in seconds. */
  get seconds(): number {
    return this.#metrics?.seconds ?? 0;
  }

  /** Whether the run is known to end at once, without an evaluation. */
  get wasAborted(): boolean {
    return this.interruption === "aborted";
  }

  /** Asks this process and those that train together with it whether the run has to end; `exceptLate` ignores the deadline. */
  async mustEnd({ exceptLate }: { exceptLate: boolean }): Promise<boolean> {
    const { signal, deadline, replicas } = this.#parts;
    const isLate = performance.now() >= deadline && !exceptLate;
    let reasons = [
      this.wasAborted || (signal?.aborted ?? false),
      this.interruption === "stopped",
      this.interruption === "max-time" || isLate,
    ];
    if (replicas) reasons = await anywhere(replicas.communicator, reasons);
    const [isAborted, isStopped, isOver] = reasons;
    if (isAborted) this.interruption = "aborted";
    else if (isStopped) this.interruption ??= "stopped";
    else if (isOver) this.interruption ??= "max-time";
    return this.interruption !== undefined;
  }

  /** Asks the same processes whether the run has to end at once, without an evaluation. */
  async isAborted(): Promise<boolean> {
    const { signal, replicas } = this.#parts;
    const isHere = signal?.aborted ?? false;
    const [isAborted] = replicas
      ? await anywhere(replicas.communicator, [isHere])
      : [isHere];
    if (isAborted) this.interruption = "aborted";
    return this.wasAborted;
  }

  /** Gives this process the weights of process 0 and, if that one goes on from a state, the state; `undefined` for a new run. */
  async meetOthers(
    state: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    const { replicas } = this.#parts;
    return replicas ? await replicas.begin(this.#parts, state) : state;
  }

  /**
   * Goes on from a state.
   *
   * @throws {ShapeError} If it is of another network.
   * @throws {OptionError} If it is of another optimizer.
   */
  restore(state: TrainingState): void {
    const { progress } = state;
    restoreDevice(this.#parts, state);
    this.optimizer.learningRate = progress.learningRate;
    this.epoch = progress.epoch;
    this.step = progress.step;
    this.epochs.push(...progress.epochs);
    this.#metrics = new Metrics(progress.sums);
    this.#waitMs = progress.waitSeconds * 1000;
    restoreStates(this.#parts.callbacks, progress.callbacks, this);
  }

  /** Waits for the device and saves a checkpoint, if the run keeps any. */
  async save(): Promise<void> {
    const { callbacks, checkpoints } = this.#parts;
    if (checkpoints === undefined) return;
    const sums = { ...await this.#metrics?.read() ?? NOTHING };
    if (this.#trainSeconds !== undefined) sums.seconds = this.#trainSeconds;
    const device = await readDevice(this.#parts);
    const progress = {
      epoch: this.epoch,
      step: this.step,
      sums,
      waitSeconds: this.waitSeconds,
      learningRate: this.optimizer.learningRate,
      epochs: this.epochs.filter(({ isPartial }) => !isPartial),
      callbacks: saveStates(callbacks),
    };
    await checkpoints.save({ ...device, progress });
  }

  /** Trains on the batches of the epoch that are left, until there are no more or the run has to end. */
  async trainEpoch(
    train: BatchSource,
  ): Promise<LossAndAccuracy & { imagesPerSecond: number; isWhole: boolean }> {
    const { checkpoints, replicas } = this.#parts;
    const { everySteps = Infinity } = checkpoints ?? {};
    const metrics = this.#metrics ??= new Metrics();
    let isWhole = true;
    if (metrics.batches !== train.numBatches) {
      const batches = batchesFrom(train, {
        epoch: this.epoch - 1,
        firstBatch: metrics.batches,
        shard: replicas?.shard,
      });
      for await (const batch of timed(batches, (ms) => this.#waitMs += ms)) {
        await this.#train(batch, metrics);
        const isKept = this.step % everySteps === 0;
        await this.#look(metrics, { batches: train.numBatches, isDue: isKept });
        const isLast = metrics.batches === train.numBatches;
        if (await this.mustEnd({ exceptLate: isLast })) {
          isWhole = isLast;
          break;
        }
        if (isKept) await this.save();
      }
    }
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
    await replicas?.meet(this.#parts);
    const means = await metrics.compute();
    this.#checkFinite(means.loss);
    if (isWhole) this.#trainSeconds ??= metrics.seconds;
    const seconds = this.#trainSeconds ?? metrics.seconds;
    return { ...means, imagesPerSecond: metrics.count / seconds, isWhole };
  }

  /** Tells callbacks that an epoch is over and, if it was whole, saves the state in which the next one begins. */
  async endEpoch(record: EpochEnd): Promise<void> {
    const { callbacks } = this.#parts;
    for (const c of callbacks) await c.onEpochEnd?.(record, this);
    this.epochs.push(record);
    if (record.isPartial) return;
    this.epoch++;
    this.#metrics?.dispose();
    this.#metrics = undefined;
    this.#waitMs = 0;
    this.#trainSeconds = undefined;
    await this.save();
  }

  /** Tells callbacks how far the run is. */
  async tell(progress: Progress): Promise<void> {
    for (const c of this.#parts.callbacks) await c.onProgress?.(progress);
  }

  /** Counts the steps of the run that changed no weight because their gradients overflowed float16. */
  async countSkipped(): Promise<number> {
    return (await this.#parts.lossScale?.read())?.skippedSteps ?? 0;
  }

  /** Frees the sums, the loss scale and the clip. */
  dispose(): void {
    this.#metrics?.dispose();
    this.#parts.lossScale?.dispose();
    this.#parts.clip?.dispose();
  }

  async #train(batch: Batch, metrics: Metrics): Promise<void> {
    const { epoch, step } = this;
    const { replicas } = this.#parts;
    const { loss, correct, count } = replicas
      ? await replicas.update(this.#parts, batch, step)
      : updateWeights(this.#parts, batch, step);
    try {
      metrics.update(loss, correct, count);
      const event = { epoch, step, loss, correct, count };
      for (const c of this.#parts.callbacks) await c.onStepEnd?.(event, this);
    } finally {
      loss.dispose();
      correct.dispose();
    }
    this.step++;
  }

  /** Waits for the device about once a second, or because it `isDue`, and tells callbacks what it finds. */
  async #look(
    metrics: Metrics,
    { batches, isDue }: { batches: number | undefined; isDue: boolean },
  ): Promise<void> {
    const { logEvery, deadline } = this.#parts;
    const isTime = this.#pacer.step() || performance.now() >= deadline;
    if (!isDue && !isTime && metrics.batches % logEvery !== 0) return;
    const { epoch } = this;
    const progress = await metrics.progress({ phase: "train", epoch, batches });
    this.#pacer.caughtUp();
    // Callbacks hear of a loss that is not finite before it ends the run.
    await this.tell(progress);
    await pause();
    this.#checkFinite(progress.loss);
  }

  #checkFinite(loss: number): void {
    requireFiniteLoss(loss, { epoch: this.epoch, step: this.step - 1 });
  }
}
