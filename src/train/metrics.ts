/**
 * Running mean loss and accuracy that stay on the device until somebody asks.
 *
 * @module
 */

import { readScalars } from "../device/device.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
import { TrainingError } from "../errors.ts";
import type { Progress } from "./callbacks.ts";

/** Mean loss and accuracy over some images. */
export interface LossAndAccuracy {
  /** Mean loss, in nats. */
  readonly loss: number;
  /** Share of correct predictions, in [0, 1]. */
  readonly accuracy: number;
}

/** Sums over some batches, on the host. */
export interface MetricsSums {
  /** Of the losses times images, in float32. */
  readonly loss: number;
  /** Of the correct predictions. */
  readonly correct: number;
  /** Of the images. */
  readonly count: number;
  /** Number of batches. */
  readonly batches: number;
  /** Wall time that they took. */
  readonly seconds: number;
}

/** Sums loss and correct predictions over batches, without waiting for the device. */
export class Metrics {
  #sums: [loss: Tensor, correct: Tensor] | undefined;
  #count = 0;
  #batches = 0;
  #start = performance.now();

  /**
   * Begins anew, or goes on from sums.
   *
   * @param sums What {@linkcode Metrics.read} gave. Default: of nothing.
   */
  constructor(sums?: MetricsSums) {
    if (sums === undefined || sums.batches === 0) return;
    this.#sums = [tf.scalar(sums.loss), tf.scalar(sums.correct, "int32")];
    this.#count = sums.count;
    this.#batches = sums.batches;
    this.#start -= sums.seconds * 1000;
  }

  /** Number of images so far. */
  get count(): number {
    return this.#count;
  }

  /** Number of batches so far. */
  get batches(): number {
    return this.#batches;
  }

  /** Wall time since the metrics were made, and what they went on from took. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /**
   * Adds a batch.
   *
   * @param loss Mean loss of the batch: float32 scalar; not disposed.
   * @param correct Number of correct predictions in the batch: int32 scalar; not disposed.
   * @param count Number of images in the batch.
   */
  update(loss: Scalar, correct: Scalar, count: number): void {
    const old = this.#sums;
    this.#sums = tf.tidy(() => {
      const sum = tf.mul(loss, count);
      return old === undefined
        ? [sum, tf.clone(correct)]
        : [tf.add(old[0], sum), tf.add(old[1], correct)];
    });
    old?.forEach((t) => t.dispose());
    this.#count += count;
    this.#batches++;
  }

  /**
   * Reads the means from the device, which waits for all work before it.
   *
   * @returns Mean loss and accuracy so far; NaN if there was no batch.
   * @throws {BackendError} If the device reported an error.
   */
  async compute(): Promise<LossAndAccuracy> {
    if (this.#sums === undefined) return { loss: NaN, accuracy: NaN };
    const [loss, correct] = await readScalars(...this.#sums);
    return { loss: loss / this.#count, accuracy: correct / this.#count };
  }

  /**
   * Reads the sums from the device, which waits for all work before it.
   *
   * @returns The sums, to go on from.
   * @throws {BackendError} If the device reported an error.
   */
  async read(): Promise<MetricsSums> {
    const seconds = this.seconds;
    const [loss, correct] = this.#sums === undefined
      ? [0, 0]
      : await readScalars(...this.#sums);
    return {
      ...{ loss, correct, seconds },
      count: this.#count,
      batches: this.#batches,
    };
  }

  /**
   * Reads the means and works out the speed since the metrics were made.
   *
   * @param where Which phase and epoch this is, and how many batches it has.
   * @returns What to tell callbacks.
   * @throws {BackendError} If the device reported an error.
   */
  async progress(
    where: Pick<Progress, "phase" | "epoch" | "batches">,
  ): Promise<Progress> {
    const means = await this.compute();
    const { seconds } = this;
    return {
      ...where,
      ...means,
      batch: this.#batches,
      imagesPerSecond: this.#count / seconds,
      secondsPerBatch: seconds / this.#batches,
    };
  }

  /** Frees what is on the device. */
  dispose(): void {
    this.#sums?.forEach((t) => t.dispose());
    this.#sums = undefined;
  }
}

/**
 * Checks a loss of training.
 *
 * @param loss Mean or sum of losses, in nats.
 * @param where Epoch (from 1) and step (from 0 over the run) of the last one.
 * @throws {TrainingError} If it is not finite.
 */
export function requireFinite(
  loss: number,
  where: { epoch: number; step: number },
): void {
  if (Number.isFinite(loss)) return;
  throw new TrainingError(
    `The mean loss became ${loss} by step ${where.step} in epoch ${where.epoch}: try a smaller learning rate, and check that all labels are in [0, classes)`,
    where,
  );
}
