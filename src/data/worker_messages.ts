/**
 * What the main thread and the workers of a loader tell each other.
 *
 * @module
 */

import { SampleError, ShapeError } from "../errors.ts";
import type { Sample } from "./dataset.ts";
import type { ArrayBatch, BatchPlan, ImageShape } from "./host_batch.ts";
import type { Origin } from "./origin.ts";

/** The first message to a worker. */
export interface WorkerSetUp {
  /** The transforms to apply, first to last. */
  readonly transforms: readonly Origin[];
  /** The data set; `undefined` if the samples come with each task. */
  readonly dataset?: Origin;
  /** What label 0, 1, ... means. */
  readonly classNames: readonly string[];
  /** What every image must be after the transforms. */
  readonly shape: ImageShape;
}

/** Every other message to a worker: a batch to make. */
export interface WorkerTask {
  readonly plan: BatchPlan;
  /** The samples, whose images share one memory; or where they are in the data set. */
  readonly samples: readonly Sample[] | Uint32Array<ArrayBuffer>;
  /** Memory to use. */
  readonly memory?: ArrayBuffer;
}

/** Every message of a worker: the answers to the tasks, in their order. */
export type WorkerAnswer =
  | { readonly batch: ArrayBatch }
  | { readonly failure: WorkerFailure };

/** An error, as what is known of it on the other side. */
export interface WorkerFailure {
  /** Index of the sample, for a `SampleError`. */
  readonly index?: number;
  /** Whether it is a `ShapeError`. */
  readonly isShape: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/**
 * Takes an error apart, to send it.
 *
 * @param error What was thrown.
 * @returns What to send.
 */
export function failureOf(error: unknown): WorkerFailure {
  const index = error instanceof SampleError ? error.index : undefined;
  const inner = error instanceof SampleError ? error.cause : error;
  const isShape = error instanceof ShapeError;
  if (!(inner instanceof Error)) {
    return { index, isShape, name: "Error", message: String(inner) };
  }
  const { name, message, stack } = inner;
  return { index, isShape, name, message, stack };
}

/**
 * Puts an error together again.
 *
 * @param failure What was sent.
 * @returns The error.
 */
export function errorOf(failure: WorkerFailure): Error {
  const { index, isShape, name, message, stack } = failure;
  if (isShape) return new ShapeError(message);
  const error = Object.assign(new Error(message), { name, stack });
  return index === undefined ? error : new SampleError(index, error);
}
