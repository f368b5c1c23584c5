/**
 * A training run in progress: the loop over the batches of an epoch, and what it takes to go on from a state.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Batch } from "../data/loader_options.ts";
import { restoreStates, saveStates } from "./callback_states.ts";
import type { EpochEnd, Progress, Training } from "./callbacks.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import { type LossAndAccuracy, Metrics, requireFinite } from "./metrics.ts";
import { Pacer, pause } from "./pacer.ts";
import type { Interruption, RunParts } from "./run_parts.ts";
import { readDevice, restoreDevice, type TrainingState } from "./state.ts";
import { updateWeights } from "./update.ts";
import { timed } from "./waiting.ts";

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
  /** Wall time of the training of the epoch, in seconds, once all its batches are done. */
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

  /** Has the state kept, where somebody does; waits for the device. */
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

  /**
   * Trains on the batches of the epoch that are left, until there is no more or the run has to end.
   *
   * @param train All batches.
   * @returns Means over the epoch so far, what a state that it went on from had included; speed; whether that was all.
   */
  async trainEpoch(
    train: BatchSource,
  ): Promise<LossAndAccuracy & { imagesPerSecond: number; isWhole: boolean }> {
    const { everySteps = Infinity } = this.#parts.checkpoints ?? {};
    const metrics = this.#metrics ??= new Metrics();
    let isWhole = true;
    if (metrics.batches !== train.numBatches) {
      const batches = batchesFrom(train, {
        epoch: this.epoch - 1,
        firstBatch: metrics.batches,
      });
      for await (const batch of timed(batches, (ms) => this.#waitMs += ms)) {
        await this.#train(batch, metrics);
        const isKept = this.step % everySteps === 0;
        await this.#lookUp(train, metrics, { isDue: isKept });
        const isLast = metrics.batches === train.numBatches;
        if (this.mustEnd({ exceptLate: isLast })) {
          isWhole = isLast;
          break;
        }
        if (isKept) await this.save();
      }
    }
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
    const means = await metrics.compute();
    this.#checkFinite(means.loss);
    if (isWhole) this.#trainSeconds ??= metrics.seconds;
    const seconds = this.#trainSeconds ?? metrics.seconds;
    return { ...means, imagesPerSecond: metrics.count / seconds, isWhole };
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
    this.#trainSeconds = undefined;
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
  async #lookUp(
    train: BatchSource,
    metrics: Metrics,
    { isDue }: { isDue: boolean },
  ): Promise<void> {
    const { logEvery, deadline } = this.#parts;
    const isTime = this.#pacer.step() || performance.now() >= deadline;
    if (isDue || isTime || metrics.batches % logEvery === 0) {
      const progress = await metrics.progress({
        phase: "train",
        epoch: this.epoch,
        batches: train.numBatches,
      });
      this.#pacer.caughtUp();
      // Told first, so that what led there is known.
      await this.report(progress);
      this.#checkFinite(progress.loss);
      await pause();
    }
  }

  #checkFinite(loss: number): void {
    requireFinite(loss, { epoch: this.epoch, step: this.step - 1 });
  }
}
