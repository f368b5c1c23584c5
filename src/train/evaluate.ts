/** Loss and accuracy of a network over some data. */

import { ensureBackend } from "../device/open.ts";
import { type Tensor1D, type Tensor2D, tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import { lossAndCorrect } from "../nn/loss.ts";
import { requireLabels } from "../nn/batch.ts";
import type { Sequential } from "../nn/sequential.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import type { Progress } from "./callbacks.ts";
import {
  anywhere,
  type Communicator,
  shardOf,
  sumNumbers,
} from "./communicator.ts";
import { type LossAndAccuracy, Metrics, Pacer, pause } from "./metrics.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** Epoch that progress events name. Default 0. */
  epoch?: number;
  /** Called about once a second. */
  onProgress?: (event: Progress) => void | Promise<void>;
  /** Ends the evaluation after the batch in progress, with the signal's reason as an error. */
  signal?: AbortSignal;
  /**
   * Evaluates together with other processes, each of which takes its part of every batch. `onProgress` is told of this
   * process's part alone. Default: alone.
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
 * @throws {ShapeError} If a batch does not fit the network, or a label is none of its classes.
 * @throws {DataError} If there is no batch.
 * @throws {BackendError} If the device reported an error.
 * @throws {DistributedError} If a process that evaluates together with this one has failed.
 */
export async function evaluate(
  net: Sequential,
  data: BatchSource,
  options: EvaluateOptions = {},
): Promise<LossAndAccuracy> {
  const measured = await measure(net, data, options);
  if (measured !== undefined) return measured;
  options.signal?.throwIfAborted();
  throw new DOMException("Another process was told to stop", "AbortError");
}

/** The loop of every evaluation; it gives `undefined` if this process, or one that evaluates with it, was told to stop. */
export async function measure(
  net: Sequential,
  data: BatchSource,
  options: EvaluateOptions & {
    /** Called in a `tidy` for each batch. */
    onLogits?: (logits: Tensor2D, labels: Tensor1D) => void;
  },
): Promise<LossAndAccuracy | undefined> {
  await ensureBackend();
  const { epoch = 0, onProgress, signal, communicator, onLogits } = options;
  const where = { phase: "evaluate", epoch, batches: data.numBatches } as const;
  const metrics = new Metrics();
  const pacer = new Pacer();
  let isEmpty = true;
  try {
    const shard = communicator && shardOf(communicator);
    for await (const { images, labels } of batchesFrom(data, net, { shard })) {
      isEmpty = false;
      const isAborted = signal?.aborted ?? false;
      if ((await anywhere(communicator, [isAborted]))[0]) return;
      // A small batch may have no image for this process.
      if (images.shape[0] > 0) {
        requireLabels(labels, images.shape[0], "image");
        tf.tidy(() => {
          const logits = net.predict(images);
          const { loss, correct } = lossAndCorrect(logits, labels);
          metrics.update(loss, correct, images.shape[0]);
          onLogits?.(logits, labels);
        });
      }
      if (!pacer.step()) continue;
      const progress = await metrics.progress(where);
      pacer.caughtUp();
      await pause();
      await onProgress?.(progress);
    }
    if (isEmpty) {
      throw new DataError("data", "Cannot evaluate as the data has no batches");
    }
    const sums = await metrics.read();
    const [loss, correct, count] = await sumNumbers(
      communicator,
      [sums.loss, sums.correct, sums.count],
    );
    return { loss: loss / count, accuracy: correct / count };
  } finally {
    metrics.dispose();
  }
}
