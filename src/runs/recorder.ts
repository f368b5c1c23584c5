/**
 * Writes down what happens in a run: every step and epoch, and the best weights.
 *
 * @module
 */

import { readScalars } from "../device/device.ts";
import { type Scalar, tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import { readWeights } from "../io/checkpoint.ts";
import { cannotWrite, writeAtomically } from "../io/files.ts";
import { drawFilters, type Picture } from "../io/contact_sheet.ts";
import { EventWriter } from "../io/tensorboard.ts";
import type { Sequential } from "../nn/sequential.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import type {
  Callbacks,
  EpochEnd,
  StepEnd,
  Training,
} from "../train/callbacks.ts";
import type { MetricsRecord, StepRecord } from "./records.ts";
import type { RunCheckpoints } from "./run_checkpoints.ts";

/** Most steps that are read from the device at once. */
const MOST_PENDING = 64;

/** A step whose numbers are still on the device. */
interface PendingStep
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

/** Callbacks of `fit`. The numbers of steps stay on the device until something else has to wait for it. */
export class Recorder implements Callbacks, Disposable {
  readonly name = "recorder";
  readonly #files: RecorderFiles;
  #pending: PendingStep[] = [];
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
    // A resumed run does a part of an epoch again. So the weights of a part are kept only if no whole epoch has ended.
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

  /** Writes the steps so far, waiting for the device. */
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
      free(pending);
    }
  }

  /** Frees the steps that were not written. */
  [Symbol.dispose](): void {
    free(this.#pending.splice(0));
  }
}

function free(steps: readonly PendingStep[]): void {
  for (const { loss, correct } of steps) tf.dispose([loss, correct]);
}

/** Where a run goes on. It writes this epoch and step, and all later ones, again. */
export interface ResumePoint {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Step, from 0 over the run. */
  readonly step: number;
}

/**
 * A file to which records are added. Those that are added at once are one write, so that a process that is killed leaves at
 * most a torn last line, which readers pass over and a run that goes on takes away.
 */
export class MetricsFile implements Disposable {
  readonly #path: string;
  readonly #file: OpenFile;

  private constructor(path: string, file: OpenFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens a file, and takes away what the run is going to write again: that of the given epoch and step, and of later
   * ones.
   */
  static async open(path: string, from: ResumePoint): Promise<MetricsFile> {
    try {
      const text = await read(path);
      const kept = text.split("\n").filter((line) => isBefore(line, from));
      const content = kept.map((line) => `${line}\n`).join("");
      if (content !== text) {
        await writeAtomically(path, [new TextEncoder().encode(content)]);
      }
      return new MetricsFile(path, await host.open(path, "append"));
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw cannotWrite(path, error);
    }
  }

  /** Adds records. */
  append(records: readonly MetricsRecord[]): void {
    const text = records.map((record) => `${JSON.stringify(record)}\n`);
    const bytes = new TextEncoder().encode(text.join(""));
    try {
      this.#file.writeSync(bytes);
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** Waits until what was added is on the disk. */
  async sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

async function read(path: string): Promise<string> {
  try {
    return await host.readText(path);
  } catch (error) {
    if (host.isMissing(error)) return "";
    throw error;
  }
}

/** Whether a line is a whole record of something that the run does not do again. */
function isBefore(line: string, from: ResumePoint): boolean {
  try {
    const { type, step, epoch } = JSON.parse(line) as MetricsRecord & {
      step?: number;
    };
    return type === "epoch" ? epoch < from.epoch : step! < from.step;
  } catch {
    return false;
  }
}

/** An event file of a run. */
export class EventLog {
  readonly #writer: EventWriter;

  private constructor(writer: EventWriter) {
    this.#writer = writer;
  }

  /** Starts a file in a run folder. What other files say of the given step and of later ones counts no more. */
  static async open(folder: string, step: number): Promise<EventLog> {
    return new EventLog(await EventWriter.open(folder, step));
  }

  /** Path of the file. */
  get path(): string {
    return this.#writer.path;
  }

  /** Adds steps: curves of loss, accuracy and learning rate. */
  steps(records: readonly StepRecord[]): void {
    for (const { step, loss, accuracy, learningRate } of records) {
      this.#writer.scalars(step, {
        "step/loss": loss ?? NaN,
        "step/accuracy": accuracy,
        "step/learning_rate": learningRate,
      });
    }
    this.#writer.flush();
  }

  /**
   * Adds the curves of loss, accuracy and speed of an epoch, and the first layer's filters. A whole epoch stands at its
   * last step, a part of one at the step with which a resumed run goes on.
   */
  async epoch(epoch: EpochEnd, net: Sequential): Promise<void> {
    const step = epoch.isPartial ? epoch.steps : epoch.steps - 1;
    const values = {
      "epoch/train_loss": epoch.loss,
      "epoch/train_accuracy": epoch.trainAccuracy,
      "epoch/measured_train_accuracy": epoch.measuredTrainAccuracy,
      "epoch/test_loss": epoch.testLoss,
      "epoch/test_accuracy": epoch.testAccuracy,
      "epoch/images_per_second": epoch.imagesPerSecond,
    };
    for (const [tag, value] of Object.entries(values)) {
      if (value !== undefined) this.#writer.scalars(step, { [tag]: value });
    }
    const filters = await drawFirstFilters(net);
    if (filters) {
      this.#writer.image("filters of the first layer", step, filters);
    }
    this.#writer.flush();
  }
}

/** Draws the filters of the first layer, if it has some of one or three channels. */
async function drawFirstFilters(
  net: Sequential,
): Promise<Picture | undefined> {
  const [kernel] = net.getWeights();
  const { shape } = kernel;
  if (shape.length !== 4 || (shape[2] !== 1 && shape[2] !== 3)) return;
  const values = await kernel.data() as Float32Array<ArrayBuffer>;
  return drawFilters({ shape, values });
}
