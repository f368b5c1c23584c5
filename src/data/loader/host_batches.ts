/** Batches made on the host one after the other, by workers ahead of time or by the main thread when asked for. */

import {
  AlexNetError,
  OptionError,
  SampleError,
  ShapeError,
} from "../../errors.ts";
import { requireInteger } from "../../options.ts";
import { host } from "../../platform/host.ts";
import type { Dataset, Sample } from "../dataset.ts";
import { originOf } from "../modules.ts";
import { wholeOf } from "../split.ts";
import { takeApart, type Transform } from "../transforms/transform.ts";
import type { ArrayBatch, BatchPlan, ImageShape } from "./batch.ts";
import { attemptSample, makeHostBatch } from "./host_batch.ts";
import type {
  WorkerAnswer,
  WorkerFailure,
  WorkerSetUp,
  WorkerTask,
} from "./loader_worker.ts";

/** What batches are made of, and how. */
export interface HostSource {
  readonly dataset: Dataset;
  readonly transform: Transform;
  /** What every image must be after the transform. */
  readonly shape: ImageShape;
  readonly workers: number;
  /** Batches that each worker is asked for ahead of time. */
  readonly prefetchFactor: number;
  /** Ends all workers. */
  readonly signal?: AbortSignal;
}

/**
 * Makes batches in the order of the plans. They do not depend on the number of workers. Leaving the loop ends the workers.
 * With `reuse`, the memory of a batch may be used for a later one once the next is asked for.
 */
export async function* hostBatches(
  plans: readonly BatchPlan[],
  source: HostSource,
  { reuse }: { reuse: boolean },
): AsyncGenerator<ArrayBatch, void, undefined> {
  const { workers, signal } = source;
  signal?.throwIfAborted();
  if (workers > 0) {
    yield* byWorkers(plans, source, reuse);
    return;
  }
  let memory: ArrayBuffer | undefined;
  for (const plan of plans) {
    const get = (i: number) => source.dataset.get(plan.indices[i]);
    const batch = makeHostBatch(plan, { ...source, get, memory });
    yield batch;
    // The signal may have come while the batch was in use, even the last one.
    signal?.throwIfAborted();
    if (reuse) memory = batch.images.buffer;
  }
}

async function* byWorkers(
  plans: readonly BatchPlan[],
  source: HostSource,
  reuse: boolean,
): AsyncGenerator<ArrayBatch, void, undefined> {
  const { dataset, transform, shape, prefetchFactor, signal } = source;
  // An imported data set may itself be a part of one that workers do not have.
  const { whole, locate } = wholeOf(dataset, (d) => originOf(d) !== undefined);
  const origin = originOf(whole);
  const count = Math.min(source.workers, plans.length);
  const pool = new WorkerPool(count, {
    transforms: takeApart(transform).map(({ origin }) => origin!),
    dataset: origin,
    classNames: dataset.classNames,
    shape,
  });
  const abort = () => pool.close(signal!.reason);
  signal?.addEventListener("abort", abort);
  const spare: ArrayBuffer[] = [];
  const ask = async (plan: BatchPlan): Promise<ArrayBatch> => {
    const indices = locate(plan.indices);
    const samples = origin ? indices : copySamples(whole, plan, indices);
    return await pool.request({ plan, samples, memory: spare.pop() });
  };
  const asked: Promise<ArrayBatch>[] = [];
  let next = 0;
  try {
    while (next < plans.length || asked.length > 0) {
      signal?.throwIfAborted();
      while (next < plans.length && asked.length < count * prefetchFactor) {
        const batch = ask(plans[next++]);
        // If it fails, the error is thrown when its turn comes.
        batch.catch(() => {});
        asked.push(batch);
      }
      const batch = await asked.shift()!;
      yield batch;
      if (reuse) spare.push(batch.images.buffer);
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", abort);
    pool.close();
  }
}

/** Copies samples so that their images share one memory, which can be handed over at once. */
function copySamples(
  dataset: Dataset,
  plan: BatchPlan,
  indices: Uint32Array,
): Sample[] {
  const samples = Array.from(
    indices,
    (index, i) => attemptSample(plan.indices[i], () => dataset.get(index)),
  );
  const align = (numBytes: number) => Math.ceil(numBytes / 4) * 4;
  const memory = new ArrayBuffer(
    samples.reduce((sum, { image }) => sum + align(image.data.byteLength), 0),
  );
  let at = 0;
  return samples.map(({ image, label }) => {
    const data = image.data instanceof Uint8Array
      ? new Uint8Array(memory, at, image.data.length)
      : new Float32Array(memory, at, image.data.length);
    data.set(image.data);
    at += align(data.byteLength);
    return { image: { ...image, data }, label };
  });
}

/** The module that workers run. */
const WORKER_URL = new URL("./loader_worker.ts", import.meta.url);

/** Some workers that are set up alike. They live until {@linkcode WorkerPool.close}, or until an error. */
export class WorkerPool {
  readonly #workers: Worker[] = [];
  /** The tasks of each worker that it has not answered, oldest first. */
  readonly #waiting: readonly PromiseWithResolvers<ArrayBatch>[][];
  #next = 0;
  #end?: { reason: unknown };

  /** Starts workers, and tells each what to do. If that cannot be sent, no worker is left. */
  constructor(count: number, setUp: WorkerSetUp) {
    this.#waiting = Array.from({ length: count }, () => []);
    try {
      for (const waiting of this.#waiting) {
        const worker = this.#start(waiting);
        this.#workers.push(worker);
        worker.postMessage(setUp);
      }
    } catch (error) {
      this.close(error);
      throw error;
    }
  }

  #start(waiting: PromiseWithResolvers<ArrayBatch>[]): Worker {
    const worker = new Worker(WORKER_URL, { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
      const { resolve, reject } = waiting.shift()!;
      if ("batch" in data) resolve(data.batch);
      else reject(errorOf(data.failure));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.close(
        new AlexNetError(
          `Cannot go on as a worker of the loader ended (${event.message}): try workers: 0`,
        ),
      );
    };
    return worker;
  }

  /**
   * Sends a task to the worker whose turn it is, together with the memory of the task and of its samples. The promise is
   * rejected if the batch cannot be made, or if the pool closes.
   */
  request(task: WorkerTask): Promise<ArrayBatch> {
    const turn = this.#next++ % this.#workers.length;
    const { memory, samples } = task;
    const transfer: Transferable[] = memory ? [memory] : [];
    // All samples share one memory. A part of a batch may have no samples.
    if (Array.isArray(samples) && samples.length > 0) {
      transfer.push(samples[0].image.data.buffer);
    }
    if (this.#end) return Promise.reject(this.#end.reason);
    this.#workers[turn].postMessage(task, transfer);
    const answer = Promise.withResolvers<ArrayBatch>();
    this.#waiting[turn].push(answer);
    return answer.promise;
  }

  /** Ends all workers. Batches that are still asked for are rejected with the reason. */
  close(reason?: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    for (const worker of this.#workers) worker.terminate();
    for (const { reject } of this.#waiting.flat()) reject(reason);
  }
}

/** Puts an error together again. */
function errorOf(failure: WorkerFailure): Error {
  const { index, isShape, name, message, stack } = failure;
  if (isShape) return new ShapeError(message);
  const error = Object.assign(new Error(message), { name, stack });
  return index === undefined ? error : new SampleError(index, error);
}

/** Finds a part of a transform that a worker cannot have, if there is one, and says in words what it is. */
function strangerIn(transform: Transform): string | undefined {
  return takeApart(transform)
    .find(({ origin }) => origin === undefined)?.description;
}

/** Checks the number of workers that was asked for, and that workers can have the transform. */
export function checkWorkers(
  workers: number | "auto",
  transform: Transform,
): void {
  if (workers === "auto") return;
  if (!Number.isInteger(workers)) {
    throw new OptionError("workers", workers, '"auto" or an integer');
  }
  requireInteger("workers", workers, { min: 0, max: 256 });
  if (workers === 0) return;
  const stranger = strangerIn(transform);
  if (stranger !== undefined) {
    throw new OptionError(
      "workers",
      workers,
      `0 or "auto" as workers cannot be sent functions: have the transform "${stranger}" by importTransform(), which tells them where it is`,
    );
  }
  if (typeof Worker !== "function") {
    throw new OptionError("workers", workers, "0 as there are no workers here");
  }
}

/** A worker is worth starting if there are so many batches for it. */
const LEAST_BATCHES = 4;

/** Most bytes of all batches that are made ahead of time. The whole process then stays below 1 GB. */
const MAX_BYTES_AHEAD = 256e6;

/** Decides how many workers "auto" is: the documentation of `DataLoaderOptions.workers` says how. */
export function autoWorkers(
  { transform, numBatches, prefetchFactor, batchLength }: {
    transform: Transform;
    numBatches: number;
    prefetchFactor: number;
    batchLength: number;
  },
): number {
  const isPossible = strangerIn(transform) === undefined &&
    typeof Worker === "function" && host.mayRead(WORKER_URL);
  if (!isPossible) return 0;
  const bytesAhead = prefetchFactor * 4 * batchLength;
  return Math.min(
    navigator.hardwareConcurrency - 1,
    Math.floor(numBatches / LEAST_BATCHES),
    Math.max(1, Math.floor(MAX_BYTES_AHEAD / bytesAhead)),
  );
}
