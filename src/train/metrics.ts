/** Running mean loss and accuracy that stay on the device, and when to read them. */

import { readScalars } from "../device/device.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
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

/** The sums over no batches. */
export const NO_SUMS: MetricsSums = {
  loss: 0,
  correct: 0,
  count: 0,
  batches: 0,
  seconds: 0,
};

/** What is going on, and how many batches it has. */
export type PhaseOfEpoch = Pick<Progress, "phase" | "epoch" | "batches">;

/** Sums loss and correct predictions over batches, without waiting for the device. */
export class Metrics {
  /** Number of images so far. */
  count: number;
  /** Number of batches so far. */
  batches: number;
  #sums: Tensor[];
  readonly #start: number;

  /** Goes on from sums that {@linkcode Metrics.read} gave. */
  constructor(sums = NO_SUMS) {
    this.count = sums.count;
    this.batches = sums.batches;
    this.#sums = [tf.scalar(sums.loss), tf.scalar(sums.correct, "int32")];
    this.#start = performance.now() - sums.seconds * 1000;
  }

  /** Wall time since the metrics were made, plus that of the sums that they went on from. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Adds a batch of `count` images: its mean loss and its correct predictions, which are not disposed. */
  update(loss: Scalar, correct: Scalar, count: number): void {
    const [oldLoss, oldCorrect] = this.#sums;
    this.#sums = tf.tidy(() => [
      tf.keep(tf.add(oldLoss, tf.mul(loss, count))),
      tf.keep(tf.add(oldCorrect, correct)),
    ]);
    tf.dispose([oldLoss, oldCorrect]);
    this.count += count;
    this.batches++;
  }

  /** Waits for the device and reads the sums. */
  async read(): Promise<MetricsSums> {
    const [loss, correct] = await readScalars(...this.#sums);
    const { count, batches, seconds } = this;
    return { loss, correct, count, batches, seconds };
  }

  /** Waits for the device and works out the means (NaN if there was no batch) and the speed. */
  async progress(where: PhaseOfEpoch): Promise<Progress> {
    const { loss, correct, count, batches, seconds } = await this.read();
    return {
      ...where,
      batch: batches,
      loss: loss / count,
      accuracy: correct / count,
      imagesPerSecond: count / seconds,
      secondsPerBatch: seconds / batches,
    };
  }

  /** Frees what is on the device. */
  dispose(): void {
    tf.dispose(this.#sums);
  }
}

/** How often to wait, in milliseconds. */
const PERIOD_MS = 1000;

/** Most steps between two waits. */
const MAX_STEPS = 64;

/**
 * Says when to wait for the device: after the first step, then after as many steps as took a second. A fast device is then seldom
 * held up, and on a slow one work does not pile up.
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
