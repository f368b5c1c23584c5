/**
 * Loss and accuracy of a network on data that it does not train on.
 *
 * @module
 */

import type { Batch } from "../data/loader/batch.ts";
import { ensureBackend } from "../device/open.ts";
import { tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import { lossAndCorrect } from "../nn/loss.ts";
import type { Sequential } from "../nn/sequential.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import type { Progress } from "./callbacks.ts";
import { anywhere, type Communicator, sumNumbers } from "./communicator.ts";
import { type LossAndAccuracy, Metrics } from "./metrics.ts";
import { Pacer, pause } from "./pacer.ts";
import { checkBatch } from "./step.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** Epoch that progress events name. Default 0. */
  epoch?: number;
  /** Called about once a second. */
  onProgress?: (event: Progress) => void | Promise<void>;
  /** Ends the evaluation after the batch in progress, with the signal's reason as an error. */
  signal?: AbortSignal;
  /**
   * Evaluates together with other processes, each of which takes its part of every batch; progress is that of this process.
   * Default: alone.
   */
  communicator?: Communicator;
}

/**
 * Computes mean loss and accuracy, with dropout off.
 *
 * @example
 * ```ts
 * import { evaluate, initBackend, lenet, loadFashionMnist } from "@x/alexnet";
 *
 * await initBackend();
 * const { test } = await loadFashionMnist({ source: "sample" });
 * const { loss, accuracy } = await evaluate(lenet(), test);
 * console.log(loss, accuracy);
 * ```
 *
 * @param net The network.
 * @param data Batches of images and labels, once through.
 * @param options How to report progress.
 * @returns Mean loss, in nats, and accuracy in [0, 1].
 * @throws {ShapeError} If a batch does not fit the network.
 * @throws {DataError} If there is no batch.
 * @throws {BackendError} If the device reported an error.
 * @throws {DistributedError} If a process that evaluates together with this one has failed.
 */
export async function evaluate(
  net: Sequential,
  data: BatchSource,
  options: EvaluateOptions = {},
): Promise<LossAndAccuracy> {
  const { signal, communicator } = options;
  const aborted = () => signal?.aborted ?? false;
  const mustStop = communicator
    ? async () => (await anywhere(communicator, [aborted()]))[0]
    : () => Promise.resolve(aborted());
  const measured = await measure(net, data, { ...options, mustStop });
  if (measured !== undefined) return measured;
  signal?.throwIfAborted();
  throw new DOMException("Another process was told to stop", "AbortError");
}

/** Options of {@linkcode measure}. */
export interface MeasureOptions extends Omit<EvaluateOptions, "signal"> {
  /** Whether to stop, asked before each batch: the same in all processes that evaluate together. */
  mustStop(): Promise<boolean>;
}

/**
 * Computes mean loss and accuracy, with dropout off, unless it has to stop.
 *
 * @param net The network.
 * @param data Batches of images and labels, once through.
 * @param options How to report progress, and when to stop.
 * @returns Mean loss, in nats, and accuracy in [0, 1]; undefined where it had to stop.
 * @throws {ShapeError} If a batch does not fit the network.
 * @throws {DataError} If there is no batch.
 * @throws {BackendError} If the device reported an error.
 */
export async function measure(
  net: Sequential,
  data: BatchSource,
  options: MeasureOptions,
): Promise<LossAndAccuracy | undefined> {
  await ensureBackend();
  const { epoch = 0, onProgress, communicator, mustStop } = options;
  const shard = communicator && {
    index: communicator.rank,
    count: communicator.size,
  };
  const metrics = new Metrics();
  const pacer = new Pacer();
  let isEmpty = true;
  try {
    for await (const batch of shard ? batchesFrom(data, { shard }) : data) {
      isEmpty = false;
      if (await mustStop()) return;
      _add(net, batch, metrics);
      if (!pacer.step()) continue;
      const where = {
        phase: "evaluate" as const,
        epoch,
        batches: data.numBatches,
      };
      const progress = await metrics.progress(where);
      pacer.caughtUp();
      await pause();
      await onProgress?.(progress);
    }
    if (isEmpty) {
      throw new DataError("data", "Cannot evaluate as the data has no batches");
    }
    if (communicator === undefined) return await metrics.compute();
    const sums = await metrics.read();
    const [loss, correct, count] = await sumNumbers(communicator, [
      sums.loss,
      sums.correct,
      sums.count,
    ]);
    return { loss: loss / count, accuracy: correct / count };
  } finally {
    metrics.dispose();
  }
}

/** Adds what a batch says, if it has any images. */
function _add(
  net: Sequential,
  { images, labels }: Batch,
  metrics: Metrics,
): void {
  if (images.shape[0] === 0) return;
  checkBatch(net, images, labels);
  const [loss, correct] = tf.tidy(() => {
    const results = lossAndCorrect(net.predict(images), labels);
    return [results.loss, results.correct];
  });
  metrics.update(loss, correct, images.shape[0]);
  loss.dispose();
  correct.dispose();
}
