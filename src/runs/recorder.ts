/**
 * Writes down what happens in a run: every step and epoch, and the best weights.
 *
 * @module
 */

import { readScalars } from "../device/device.ts";
import { type Scalar, tf } from "../device/tf.ts";
import type {
  Callbacks,
  EpochEnd,
  StepEnd,
  Training,
} from "../train/callbacks.ts";
import { readWeights } from "../train/state.ts";
import type { EventLog } from "./event_log.ts";
import type { MetricsFile } from "./metrics_file.ts";
import type { StepRecord } from "./records.ts";
import type { RunCheckpoints } from "./run_checkpoints.ts";

/** Most steps that are read from the device at once. */
const MOST_PENDING = 64;

/** A step whose numbers are still on the device. */
interface _PendingStep
  extends Pick<StepRecord, "epoch" | "step" | "learningRate"> {
  readonly loss: Scalar;
  readonly correct: Scalar;
  readonly count: number;
}

/** Where it is written. */
export interface RecorderFiles {
  readonly metrics: MetricsFile;
  readonly events: EventLog;
  readonly checkpoints: RunCheckpoints;
}

/** Callbacks of `fit`. The numbers of steps stay on the device until it is waited for anyway. */
export class Recorder implements Callbacks, Disposable {
  readonly name = "recorder";
  readonly #files: RecorderFiles;
  #pending: _PendingStep[] = [];
  /** Best result of a whole epoch so far: the larger the better. */
  #best: number | undefined;

  /** @param files Where to write. */
  constructor(files: RecorderFiles) {
    this.#files = files;
  }

  async onStepEnd(event: StepEnd, { optimizer }: Training): Promise<void> {
    const { epoch, step, count, loss, correct } = event;
    this.#pending.push({
      ...{ epoch, step, count },
      learningRate: optimizer.learningRate,
      loss: tf.clone(loss),
      correct: tf.clone(correct),
    });
    if (this.#pending.length >= MOST_PENDING) await this.flush();
  }

  async onProgress(): Promise<void> {
    await this.flush();
  }

  async onEpochEnd(epoch: EpochEnd, { net }: Training): Promise<void> {
    await this.flush();
    const { metrics, events, checkpoints } = this.#files;
    metrics.append([{ type: "epoch", ...epoch }]);
    await events.epoch(epoch, net);
    const result = epoch.testAccuracy ?? -epoch.loss;
    // A part of an epoch is done again by a run that goes on, which would not know of it: better than nothing only.
    if (this.#best !== undefined && (epoch.isPartial || result <= this.#best)) {
      return;
    }
    if (!epoch.isPartial) this.#best = result;
    await checkpoints.saveBest(await readWeights(net));
  }

  saveState(): unknown {
    return { best: this.#best ?? null };
  }

  restoreState(state: unknown): void {
    const best = (state as { best?: unknown } | null)?.best;
    this.#best = typeof best === "number" ? best : undefined;
  }

  /**
   * Writes the steps so far, waiting for the device.
   *
   * @throws {BackendError} If the device reported an error.
   * @throws {DataError} If they cannot be written.
   */
  async flush(): Promise<void> {
    const pending = this.#pending.splice(0);
    if (pending.length === 0) return;
    try {
      const numbers = await readScalars(
        ...pending.map(({ loss }) => loss),
        ...pending.map(({ correct }) => correct),
      );
      const records = pending.map((
        { loss: _, correct: __, count, ...rest },
        i,
      ): StepRecord => ({
        type: "step",
        ...rest,
        loss: Number.isFinite(numbers[i]) ? numbers[i] : null,
        accuracy: numbers[pending.length + i] / count,
      }));
      this.#files.metrics.append(records);
      this.#files.events.steps(records);
    } finally {
      _free(pending);
    }
  }

  /** Frees the steps that were not written. */
  [Symbol.dispose](): void {
    _free(this.#pending.splice(0));
  }
}

function _free(steps: readonly _PendingStep[]): void {
  for (const { loss, correct } of steps) tf.dispose([loss, correct]);
}
