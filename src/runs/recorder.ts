/** Writes down what happens in a run: every step and epoch, and the best weights. */

import { readScalars } from "../device/device.ts";
import { tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import { cannotWrite, writeAtomically } from "../io/files.ts";
import { drawFilters, type Picture } from "../io/contact_sheet.ts";
import type { EventWriter } from "../io/tensorboard.ts";
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

/** A step whose loss and correct predictions are still on the device. */
interface PendingStep extends Pick<StepEnd, "loss" | "correct" | "count"> {
  readonly record: Omit<StepRecord, "loss" | "accuracy">;
}

/** Where a run is written. */
export interface RecorderFiles {
  readonly metrics: MetricsFile;
  readonly events: EventWriter;
  readonly checkpoints: RunCheckpoints;
}

/** Callbacks of `fit` that write files; the numbers of steps stay on the device until something else has to wait for it. */
export class RunRecorder implements Callbacks, Disposable {
  readonly name = "recorder";
  readonly #files: RecorderFiles;
  #pending: PendingStep[] = [];
  /** Best result of a whole epoch so far: the larger the better. */
  #best: number | undefined;

  constructor(files: RecorderFiles) {
    this.#files = files;
  }

  async onStepEnd(event: StepEnd, { optimizer }: Training): Promise<void> {
    const { epoch, step, count, loss, correct } = event;
    const { learningRate } = optimizer;
    this.#pending.push({
      record: { type: "step", epoch, step, learningRate },
      count,
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
    await writeEpoch(events, { epoch, net });
    const result = epoch.testAccuracy ?? -epoch.loss;
    // A resumed run does a part of an epoch again. So the weights of a part are kept only if no whole epoch has ended.
    if (this.#best !== undefined && (epoch.isPartial || result <= this.#best)) {
      return;
    }
    if (!epoch.isPartial) this.#best = result;
    await checkpoints.saveBest(net);
  }

  saveState(): unknown {
    return { best: this.#best ?? null };
  }

  restoreState(state: unknown): void {
    const best = (state as { best?: unknown } | null)?.best;
    this.#best = typeof best === "number" ? best : undefined;
  }

  /** Waits for the device and writes the steps so far. */
  async flush(): Promise<void> {
    const pending = this.#pending.splice(0);
    if (pending.length === 0) return;
    try {
      const numbers = await readScalars(
        ...pending.map(({ loss }) => loss),
        ...pending.map(({ correct }) => correct),
      );
      const records = pending.map(({ record, count }, i): StepRecord => ({
        ...record,
        loss: Number.isFinite(numbers[i]) ? numbers[i] : null,
        accuracy: numbers[pending.length + i] / count,
      }));
      this.#files.metrics.append(records);
      writeSteps(this.#files.events, records);
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

/** Adds steps to the curves of loss, accuracy and learning rate. */
function writeSteps(events: EventWriter, records: readonly StepRecord[]): void {
  for (const { step, loss, accuracy, learningRate } of records) {
    events.scalars(step, {
      "step/loss": loss ?? NaN,
      "step/accuracy": accuracy,
      "step/learning_rate": learningRate,
    });
  }
  events.flush();
}

/**
 * Adds an epoch to the curves of loss, accuracy and speed, and the first layer's filters. A whole epoch stands at its last
 * step. A part of one stands at the step with which a resumed run goes on.
 */
async function writeEpoch(
  events: EventWriter,
  { epoch, net }: { epoch: EpochEnd; net: Sequential },
): Promise<void> {
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
    if (value !== undefined) events.scalars(step, { [tag]: value });
  }
  const filters = await drawFirstFilters(net);
  if (filters) events.image("filters of the first layer", step, filters);
  events.flush();
}

/** Draws the filters, if the first layer has filters of one or three channels. */
async function drawFirstFilters(
  net: Sequential,
): Promise<Picture | undefined> {
  const [kernel] = net.getWeights();
  const { shape } = kernel;
  if (shape.length !== 4 || (shape[2] !== 1 && shape[2] !== 3)) return;
  const values = await kernel.data() as Float32Array<ArrayBuffer>;
  return drawFilters({ shape, values });
}

/** The epoch and step with which a run goes on. */
type ResumePoint = Pick<StepRecord, "epoch" | "step">;

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

  /** Opens a file, and takes away what the run is going to write again. */
  static async open(path: string, from: ResumePoint): Promise<MetricsFile> {
    try {
      const text = await host.readText(path).catch((error) => {
        if (host.isMissing(error)) return "";
        throw error;
      });
      const kept = text.split("\n").filter((line) => isBefore(line, from));
      const content = kept.map((line) => `${line}\n`).join("");
      if (content !== text) {
        await writeAtomically(path, content);
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

/** Whether a line is a whole record of something that the run does not do again. */
function isBefore(line: string, from: ResumePoint): boolean {
  try {
    const record: MetricsRecord = JSON.parse(line);
    return record.type === "epoch"
      ? record.epoch < from.epoch
      : record.step < from.step;
  } catch {
    return false;
  }
}
