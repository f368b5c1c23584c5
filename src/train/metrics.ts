/**
 * Running mean loss and accuracy that stay on the device, and when to read them.
 *
 * @module
 */

import { readScalars } from "../device/device.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
import { AlexNetError, TrainingError } from "../errors.ts";
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
  /** Sum of the mean loss of each batch times its images, in float32. */
  readonly loss: number;
  /** Number of correct predictions. */
  readonly correct: number;
  /** Number of images. */
  readonly count: number;
  /** Number of batches. */
  readonly batches: number;
  /** Wall time that the batches took, in seconds. */
  readonly seconds: number;
}

/** Sums loss and correct predictions over batches, without waiting for the device. */
export class Metrics {
  #sums: [loss: Tensor, correct: Tensor] | undefined;
  #count = 0;
  #batches = 0;
  #start = performance.now();

  /** Begins with no batch, or goes on from what {@linkcode Metrics.read} gave. */
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

  /** Wall time since the metrics were made, plus that of the sums that they went on from. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Adds a batch of `count` images: its mean loss and its correct predictions, which are not disposed. */
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

  /** Waits for the device and reads the means so far; NaN if there was no batch. */
  async compute(): Promise<LossAndAccuracy> {
    if (this.#sums === undefined) return { loss: NaN, accuracy: NaN };
    const [loss, correct] = await readScalars(...this.#sums);
    return { loss: loss / this.#count, accuracy: correct / this.#count };
  }

  /** Waits for the device and reads the sums, to go on from them. */
  async read(): Promise<MetricsSums> {
    const seconds = this.seconds;
    const [loss, correct] = this.#sums === undefined
      ? [0, 0]
      : await readScalars(...this.#sums);
    return {
      loss,
      correct,
      count: this.#count,
      batches: this.#batches,
      seconds,
    };
  }

  /** Waits for the device, and reads the means and the speed since the metrics were made. */
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
 * Checks a loss of training; `where` has the epoch (from 1) and the step (from 0 over the run) that it is of.
 *
 * @throws {TrainingError} If it is not finite.
 */
export function requireFiniteLoss(
  loss: number,
  where: { epoch: number; step: number },
): void {
  if (Number.isFinite(loss)) return;
  throw new TrainingError(
    `The mean loss became ${loss} by step ${where.step} in epoch ${where.epoch}: try a smaller learning rate, and check that all labels are in [0, classes)`,
    where,
  );
}

/**
 * Checks numbers that a network gives; `task` is what they are for and completes "Cannot ...".
 *
 * @throws {AlexNetError} If one is not finite.
 */
export function requireFiniteOutputs(values: Float32Array, task: string): void {
  if (values.every(Number.isFinite)) return;
  throw new AlexNetError(
    `Cannot ${task} as the network gives numbers that are not finite: its weights are damaged, or the images are`,
  );
}

/** How often to wait, in milliseconds. */
const PERIOD_MS = 1000;

/** Most steps between two waits. */
const MAX_STEPS = 64;

/**
 * Spaces reads from the device about a second apart, so that a fast device is seldom held up and on a slow one work
 * does not pile up behind the clock: after each step at first, then as many steps as took a second.
 */
export class Pacer {
  #steps = 0;
  #interval = 1;
  #lastRead = performance.now();

  /** Counts a step, and says whether it is time to wait for the device. */
  step(): boolean {
    return ++this.#steps >= this.#interval;
  }

  /** Says that the device has caught up. */
  caughtUp(): void {
    const now = performance.now();
    if (this.#steps > 0) {
      const stepMs = (now - this.#lastRead) / this.#steps;
      const steps = Math.round(PERIOD_MS / stepMs);
      this.#interval = Math.min(Math.max(steps, 1), MAX_STEPS);
    }
    this.#steps = 0;
    this.#lastRead = now;
  }
}

/** Lets timers and signals have their turn, which they do not get while the CPU backend computes. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
