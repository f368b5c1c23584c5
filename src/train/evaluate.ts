/**
 * Loss and accuracy of a network on data that it does not train on.
 *
 * @module
 */

import { ensureBackend } from "../device/open.ts";
import { type Tensor1D, type Tensor4D, tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import { lossAndCorrect } from "../nn/loss.ts";
import type { Sequential } from "../nn/sequential.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import type { Progress } from "./callbacks.ts";
import { anywhere, type Communicator, sumNumbers } from "./communicator.ts";
import { type LossAndAccuracy, Metrics, Pacer, pause } from "./metrics.ts";
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
   * Evaluates together with other processes, each of which takes its part of every batch. `onProgress` hears of this process's
   * part alone. Default: alone.
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

/** Computes mean loss and accuracy, with dropout off; gives nothing if it had to stop. */
export async function measure(
  net: Sequential,
  data: BatchSource,
  options: Omit<EvaluateOptions, "signal"> & { mustStop: MustStop },
): Promise<LossAndAccuracy | undefined> {
  const metrics = new Metrics();
  const add = (images: Tensor4D, labels: Tensor1D) => {
    const [loss, correct] = tf.tidy(() => {
      const results = lossAndCorrect(net.predict(images), labels);
      return [results.loss, results.correct];
    });
    metrics.update(loss, correct, images.shape[0]);
    tf.dispose([loss, correct]);
  };
  const progress = (where: Where) => metrics.progress(where);
  try {
    const tally = { add, progress };
    if (!await evaluateBatches(net, data, { ...options, tally })) return;
    const { communicator } = options;
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

/** Whether to stop, asked before each batch: the same in all processes that evaluate together. */
type MustStop = () => Promise<boolean>;

type Where = Pick<Progress, "phase" | "epoch" | "batches">;

/** What an evaluation finds out about batches. */
export interface Tally {
  /** Adds a batch, without waiting for the device. */
  add(images: Tensor4D, labels: Tensor1D): void;
  /** Waits for the device, and says how the batches so far were. */
  progress(where: Where): Promise<Progress>;
}

/**
 * Goes through the data once, and tells the progress about once a second. This is the loop of every evaluation.
 *
 * @returns Whether it came to the end of the data.
 * @throws {ShapeError} If a batch does not fit the network.
 * @throws {DataError} If there is no batch.
 */
export async function evaluateBatches(
  net: Sequential,
  data: BatchSource,
  options: Omit<EvaluateOptions, "signal"> & {
    mustStop: MustStop;
    tally: Tally;
  },
): Promise<boolean> {
  await ensureBackend();
  const { epoch = 0, onProgress, communicator, mustStop, tally } = options;
  const shard = communicator && {
    index: communicator.rank,
    count: communicator.size,
  };
  const where = { phase: "evaluate", epoch, batches: data.numBatches } as const;
  const pacer = new Pacer();
  let isEmpty = true;
  const batches = shard ? batchesFrom(data, { shard }) : data;
  for await (const { images, labels } of batches) {
    isEmpty = false;
    if (await mustStop()) return false;
    // A small batch may have no image for this process.
    if (images.shape[0] > 0) {
      checkBatch(net, images, labels);
      tally.add(images, labels);
    }
    if (!pacer.step()) continue;
    const progress = await tally.progress(where);
    pacer.caughtUp();
    await pause();
    await onProgress?.(progress);
  }
  if (isEmpty) {
    throw new DataError("data", "Cannot evaluate as the data has no batches");
  }
  return true;
}
