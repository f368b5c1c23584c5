/**
 * A training run in progress: the loop over the batches of an epoch, and what it takes to go on from a state.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Batch } from "../data/loader_options.ts";
import { checkNames, restoreStates, saveStates } from "./callback_states.ts";
import type { Callbacks, EpochEnd, Progress, Training } from "./callbacks.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import { type LossAndAccuracy, Metrics, requireFinite } from "./metrics.ts";
import { Pacer, pause } from "./pacer.ts";
import {
  type Checkpoints,
  readDevice,
  restoreDevice,
  type TrainingState,
} from "./state.ts";
import { type UpdateParts, updateWeights } from "./update.ts";
import { timed } from "./waiting.ts";

/** Why a run ended before all its epochs were done. */
export type Interruption = "max-time" | "stopped" | "aborted";

/** What a run is made of. */
export interface RunParts extends UpdateParts {
  readonly callbacks: readonly Callbacks[];
  readonly checkpoints?: Checkpoints;
  readonly signal?: AbortSignal;
  readonly logEvery: number;
  /** By `performance.now()`. */
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
  /** Why it has to end, if it has to. */
  interruption: Interruption | undefined;
  readonly #parts: RunParts;
  readonly #pacer = new Pacer();
  /** Of the epoch in progress, once it has begun. */
  #metrics: Metrics | undefined;
  #waitMs = 0;

  /** @param parts What it is made of. */
  constructor(parts: RunParts) {
    this.net = parts.net;
    this.optimizer = parts.optimizer;
    this.#parts = parts;
    checkNames(parts.callbacks);
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

  /**
   * Sees whether the run has to end.
   *
   * @param options Whether it may go on although the time is up.
   * @returns Whether it has to.
   */
  mustEnd({ exceptLate }: { exceptLate: boolean }): boolean {
    const { signal, deadline } = this.#parts;
    if (signal?.aborted) this.interruption = "aborted";
    const isLate = performance.now() >= deadline;
    if (isLate && !exceptLate) this.interruption ??= "max-time";
    return this.interruption !== undefined;
  }

  /**
   * Goes on from a state.
   *
   * @param state The state.
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

  /**
   * Has the state kept, where somebody does; waits for the device.
   *
   * @throws {TrainingError} If the loss is not finite.
   */
  async save(): Promise<void> {
    const { callbacks, checkpoints } = this.#parts;
    if (checkpoints === undefined) return;
    const sums = await this.#metrics?.read() ?? NOTHING;
    // A run that has come to nothing must not take the place of one to go on from.
    this.#checkFinite(sums.loss);
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

  /**
   * Trains on the batches of the epoch that are left, until there is no more or the run has to end.
   *
   * @param train All batches.
   * @returns Means over the epoch so far, what a state that it went on from had included; images; whether that was all.
   */
  async trainEpoch(
    train: BatchSource,
  ): Promise<LossAndAccuracy & { count: number; isWhole: boolean }> {
    const { checkpoints } = this.#parts;
    const metrics = this.#metrics ??= new Metrics();
    if (metrics.batches !== train.numBatches) {
      const batches = batchesFrom(train, {
        epoch: this.epoch - 1,
        firstBatch: metrics.batches,
      });
      for await (const batch of timed(batches, (ms) => this.#waitMs += ms)) {
        await this.#train(batch, metrics);
        await this.#lookUp(train, metrics);
        const isLast = metrics.batches === train.numBatches;
        if (this.mustEnd({ exceptLate: isLast })) break;
        const { everySteps = Infinity } = checkpoints ?? {};
        if (this.step % everySteps === 0) await this.save();
      }
    }
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
    const means = await metrics.compute();
    this.#checkFinite(means.loss);
    const { batches, count } = metrics;
    const isWhole = batches === (train.numBatches ?? batches);
    return { ...means, count, isWhole };
  }

  /**
   * Tells callbacks of the end of an epoch and, if it was whole, has the state kept in which the next one begins.
   *
   * @param record What was measured.
   */
  async endEpoch(record: EpochEnd): Promise<void> {
    const { callbacks } = this.#parts;
    for (const c of callbacks) await c.onEpochEnd?.(record, this);
    this.epochs.push(record);
    if (record.isPartial) return;
    this.epoch++;
    this.#metrics?.dispose();
    this.#metrics = undefined;
    this.#waitMs = 0;
    await this.save();
  }

  /**
   * Tells callbacks how far the run is.
   *
   * @param progress How far.
   */
  async report(progress: Progress): Promise<void> {
    for (const c of this.#parts.callbacks) await c.onProgress?.(progress);
  }

  /**
   * Counts the steps that changed no weight, as gradients overflowed float16.
   *
   * @returns How many, over the run.
   */
  async countSkipped(): Promise<number> {
    return (await this.#parts.lossScale?.read())?.skippedSteps ?? 0;
  }

  /** Frees the sums, the loss scale and what clips. */
  dispose(): void {
    this.#metrics?.dispose();
    this.#parts.lossScale?.dispose();
    this.#parts.clip?.dispose();
  }

  async #train(batch: Batch, metrics: Metrics): Promise<void> {
    const { epoch, step } = this;
    const { loss, correct } = updateWeights(this.#parts, batch, step);
    const count = batch.images.shape[0];
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

  /** Waits for the device about once a second, and tells callbacks. */
  async #lookUp(train: BatchSource, metrics: Metrics): Promise<void> {
    const { logEvery, deadline } = this.#parts;
    const isDue = this.#pacer.step() || this.step % logEvery === 0;
    if (isDue || performance.now() >= deadline) {
      const progress = await metrics.progress({
        phase: "train",
        epoch: this.epoch,
        batches: train.numBatches,
      });
      this.#pacer.caughtUp();
      this.#checkFinite(progress.loss);
      await this.report(progress);
      await pause();
    }
  }

  #checkFinite(loss: number): void {
    requireFinite(loss, { epoch: this.epoch, step: this.step - 1 });
  }
}
