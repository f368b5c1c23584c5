/**
 * The workers of a loader, as seen by the main thread.
 *
 * @module
 */

import { AlexNetError, SampleError, ShapeError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { ArrayBatch } from "./batch.ts";
import type {
  WorkerAnswer,
  WorkerFailure,
  WorkerSetUp,
  WorkerTask,
} from "./loader_worker.ts";

/** The module that workers run. */
const WORKER_URL = new URL("./loader_worker.ts", import.meta.url);

/** Says whether there are workers here, and what they run can be read without asking the user. */
export function hasWorkers(): boolean {
  return typeof Worker === "function" && host.mayRead(WORKER_URL);
}

/** How a task ends. */
interface Waiting {
  readonly resolve: (batch: ArrayBatch) => void;
  readonly reject: (error: unknown) => void;
}

/** Some workers that are set up alike. They live until {@linkcode WorkerPool.close}, or until an error. */
export class WorkerPool {
  readonly #workers: Worker[] = [];
  /** The tasks of each worker that it has not answered, oldest first. */
  readonly #waiting: readonly Waiting[][];
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

  /**
   * Has the worker whose turn it is make a batch. The memory of the task and of its samples is handed over. The promise
   * is rejected if the batch cannot be made, or if the pool closes.
   */
  request(task: WorkerTask): Promise<ArrayBatch> {
    const turn = this.#next++ % this.#workers.length;
    const { memory, samples } = task;
    const transfer: Transferable[] = memory ? [memory] : [];
    // All samples share one memory. A part of a batch may have no samples.
    if (Array.isArray(samples) && samples.length > 0) {
      transfer.push(samples[0].image.data.buffer);
    }
    return new Promise((resolve, reject) => {
      if (this.#end) return reject(this.#end.reason);
      this.#workers[turn].postMessage(task, transfer);
      this.#waiting[turn].push({ resolve, reject });
    });
  }

  /** Ends all workers. Batches that are still asked for are rejected with the reason. */
  close(reason?: unknown): void {
    if (this.#end) return;
    this.#end = { reason };
    for (const worker of this.#workers) worker.terminate();
    for (const { reject } of this.#waiting.flat()) reject(reason);
  }

  #start(waiting: Waiting[]): Worker {
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
}

/** Puts an error together again. */
function errorOf(failure: WorkerFailure): Error {
  const { index, isShape, name, message, stack } = failure;
  if (isShape) return new ShapeError(message);
  const error = Object.assign(new Error(message), { name, stack });
  return index === undefined ? error : new SampleError(index, error);
}
