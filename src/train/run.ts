/**
 * A training run in progress: the loop over the batches of an epoch, and what it takes to go on from a state.
 *
 * @module
 */

import type { Batch } from "../data/loader/batch.ts";
import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { restoreStates, saveStates } from "./callback_states.ts";
import type { EpochEnd, Training } from "./callbacks.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import { Lookout } from "./lookout.ts";
import { type LossAndAccuracy, Metrics, requireFinite } from "./metrics.ts";
import { type Interruption, isAborted, whyEnd } from "./interruption.ts";
import type { RunParts } from "./run_parts.ts";
import { readDevice, restoreDevice, type TrainingState } from "./state.ts";
import { updateWeights } from "./update.ts";
import { timed } from "./waiting.ts";

/** Sums of an epoch that has not begun. */
const NOTHING = { loss: 0, correct: 0, count: 0, batches: 0, seconds: 0 };

/** A run. */
export class Run implements Training {
  readonly net: Sequential;
  readonly optimizer: Optimizer;
  /** Tells callbacks how far the run is. */
  readonly lookout: Lookout;
  /** Epoch in progress, from 1. */
  epoch = 1;
  /** Steps done. */
  step = 0;
  /** The epochs that are done. */
  readonly epochs: EpochEnd[] = [];
  /** Why it has to end, if it has to. */
  interruption: Interruption | undefined;
  readonly #parts: RunParts;
  /** Of the epoch in progress, once it has begun. */
  #metrics: Metrics | undefined;
  #waitMs = 0;
  /** Wall time of the training of the epoch, in seconds, once all its batches are done. */
  #trainSeconds: number | undefined;

  /** @param parts What it is made of. */
  constructor(parts: RunParts) {
    this.net = parts.net;
    this.optimizer = parts.optimizer;
    this.lookout = new Lookout(parts);
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
   * Sees whether the run has to end, in this process or in one that trains together with it.
   *
   * @param options Whether it may go on although the time is up.
   * @returns Whether it has to.
   */
  async mustEnd({ exceptLate }: { exceptLate: boolean }): Promise<boolean> {
    this.interruption = await whyEnd(this.#parts, {
      known: this.interruption,
      exceptLate,
    });
    return this.interruption !== undefined;
  }

  /**
   * Sees whether the run is to end without an evaluation, in this process or in one that trains together with it.
   *
   * @returns Whether it is.
   */
  async isAborted(): Promise<boolean> {
    if (await isAborted(this.#parts)) this.interruption = "aborted";
    return this.wasAborted;
  }

  /** Whether it is to end without an evaluation, as far as is known. */
  get wasAborted(): boolean {
    return this.interruption === "aborted";
  }

  /**
   * Gives this process the weights of the first of those that train together and, where that goes on, its state.
   *
   * @param state What this process goes on from, if it does.
   * @returns What all go on from; undefined for a new run.
   */
  async meetOthers(
    state: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    const { replicas } = this.#parts;
    return replicas ? await replicas.begin(this.#parts, state) : state;
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
        const seen = await this.lookout.afterStep(metrics, {
          epoch: this.epoch,
          batches: train.numBatches,
          isDue: isKept,
        });
        if (seen) this.#checkFinite(seen.loss);
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

  #checkFinite(loss: number): void {
    requireFinite(loss, { epoch: this.epoch, step: this.step - 1 });
  }
}
