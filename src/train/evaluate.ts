/**
 * Loss and accuracy of a network on data that it does not train on.
 *
 * @module
 */

import { ensureBackend } from "../kernels/init.ts";
import { tf } from "../backend/tf.ts";
import { DataError } from "../errors.ts";
import { lossAndCorrect } from "../nn/loss.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { BatchSource } from "./batch_source.ts";
import type { Progress } from "./callbacks.ts";
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
 */
export async function evaluate(
  net: Sequential,
  data: BatchSource,
  options: EvaluateOptions = {},
): Promise<LossAndAccuracy> {
  await ensureBackend();
  const { epoch = 0, onProgress, signal } = options;
  const metrics = new Metrics();
  const pacer = new Pacer();
  try {
    for await (const { images, labels } of data) {
      signal?.throwIfAborted();
      checkBatch(net, images, labels);
      const [loss, correct] = tf.tidy(() => {
        const results = lossAndCorrect(net.predict(images), labels);
        return [results.loss, results.correct];
      });
      metrics.update(loss, correct, images.shape[0]);
      loss.dispose();
      correct.dispose();
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
    if (metrics.batches === 0) {
      throw new DataError("data", "Cannot evaluate as the data has no batches");
    }
    return await metrics.compute();
  } finally {
    metrics.dispose();
  }
}
