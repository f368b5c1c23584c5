/**
 * What TensorBoard shows of a run: curves of its steps and epochs, and the filters of the first layer.
 *
 * @module
 */

import { encodePng } from "../io/contact_sheet.ts";
import { drawFilters } from "../io/filter_picture.ts";
import { EventWriter } from "../io/tensorboard.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { EpochEnd } from "../train/callbacks.ts";
import type { StepRecord } from "./records.ts";

/** An event file of a run. */
export class EventLog {
  readonly #writer: EventWriter;

  private constructor(writer: EventWriter) {
    this.#writer = writer;
  }

  /**
   * Starts a file.
   *
   * @param folder The run folder.
   * @param step First step that is going to be written: what other files say of it and of later ones counts no more.
   * @returns The log.
   * @throws {DataError} If the file cannot be written.
   */
  static async open(folder: string, step: number): Promise<EventLog> {
    return new EventLog(await EventWriter.open(folder, { resumeAtStep: step }));
  }

  /** Path of the file. */
  get path(): string {
    return this.#writer.path;
  }

  /**
   * Adds steps: curves of loss, accuracy and learning rate.
   *
   * @param records The steps.
   * @throws {DataError} If they cannot be written.
   */
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
   * Adds an epoch, at its last step, or what a part of one says, at the step with which a resumed run goes on: curves of loss, accuracy and speed, and the first layer's filters.
   *
   * @param epoch What was measured.
   * @param net The network.
   * @throws {DataError} If it cannot be written.
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
    const png = await _drawFirstFilters(net);
    if (png) this.#writer.image("filters of the first layer", step, png);
    this.#writer.flush();
  }
}

/** The filters as a PNG file, if the first layer has some that can be seen. */
async function _drawFirstFilters(
  net: Sequential,
): Promise<Uint8Array | undefined> {
  const [kernel] = net.getWeights();
  const { shape } = kernel;
  if (shape.length !== 4 || (shape[2] !== 1 && shape[2] !== 3)) return;
  const values = await kernel.data() as Float32Array;
  return encodePng(drawFilters({ shape, values }));
}
