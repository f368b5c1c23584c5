/**
 * Batches made on the host one after the other, by workers ahead of time or by the main thread when asked for.
 *
 * @module
 */

import { OptionError } from "../../errors.ts";
import { requireInteger } from "../../options.ts";
import type { Dataset, Sample } from "../dataset.ts";
import { type Origin, originOf } from "../origin.ts";
import { viewOf } from "../split.ts";
import { partsOf, type Transform } from "../transforms/transform.ts";
import type { ArrayBatch, ImageShape } from "./batch.ts";
import type { BatchPlan } from "./epoch_plan.ts";
import { attemptSample, makeHostBatch } from "./host_batch.ts";
import { hasWorkers, WorkerPool } from "./worker_pool.ts";

/** Batches that each worker should at least have, to be worth starting. */
const LEAST_BATCHES = 4;

/** Bytes that all batches made ahead of time may have: with what else it needs, the process then stays below 1 GB. */
const MAX_BYTES_AHEAD = 256e6;

/** What batches are made of. */
export interface HostSource {
  readonly dataset: Dataset;
  readonly transform: Transform;
  /** What every image must be after the transform. */
  readonly shape: ImageShape;
}

/** How they are made. */
export interface HostOptions {
  /** Number of workers. */
  readonly workers: number;
  /** Batches that each worker is asked for ahead of time. */
  readonly prefetchFactor: number;
  /** Whether the memory of a batch may be used for a later one once the next is asked for. */
  readonly reuse: boolean;
  /** Ends all workers. */
  readonly signal?: AbortSignal;
}

/** The parts of a transform, as a worker can have them; or, in words, a part that a worker cannot have. */
export function originsOf(transform: Transform): readonly Origin[] | string {
  const parts = partsOf(transform);
  const stranger = parts.find(({ origin }) => origin === undefined);
  return stranger?.description ?? parts.map(({ origin }) => origin!);
}

/** Makes batches in the order of the plans. They do not depend on the options. Leaving the loop ends the workers. */
export async function* hostBatches(
  plans: readonly BatchPlan[],
  source: HostSource,
  options: HostOptions,
): AsyncGenerator<ArrayBatch, void, undefined> {
  const { workers, reuse, signal } = options;
  signal?.throwIfAborted();
  if (workers > 0) {
    yield* byWorkers(plans, source, options);
    return;
  }
  let memory: ArrayBuffer | undefined;
  for (const plan of plans) {
    signal?.throwIfAborted();
    const get = (i: number) => source.dataset.get(plan.indices[i]);
    const batch = makeHostBatch(plan, { ...source, get, memory });
    yield batch;
    if (reuse) memory = batch.images.buffer;
  }
  // The signal may have come while the last batch was in use.
  signal?.throwIfAborted();
}

async function* byWorkers(
  plans: readonly BatchPlan[],
  source: HostSource,
  { workers, prefetchFactor, reuse, signal }: HostOptions,
): AsyncGenerator<ArrayBatch, void, undefined> {
  const { dataset, transform, shape } = source;
  // An imported data set may itself be a part of one that workers do not have.
  const { base, indices } = viewOf(dataset, (d) => originOf(d) !== undefined);
  const origin = originOf(base);
  const count = Math.min(workers, plans.length);
  const pool = new WorkerPool(count, {
    transforms: originsOf(transform) as readonly Origin[],
    dataset: origin,
    classNames: dataset.classNames,
    shape,
  });
  const abort = () => pool.close(signal!.reason);
  signal?.addEventListener("abort", abort);
  const spare: ArrayBuffer[] = [];
  const ask = async (plan: BatchPlan): Promise<ArrayBatch> => {
    const places = indices
      ? plan.indices.map((index) => indices[index])
      : plan.indices;
    const samples = origin ? places : copySamples(base, plan, places);
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
  { indices }: BatchPlan,
  places: Uint32Array,
): Sample[] {
  const samples = Array.from(
    places,
    (place, i) => attemptSample(indices[i], () => dataset.get(place)),
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
  const origins = originsOf(transform);
  if (typeof origins === "string") {
    throw new OptionError(
      "workers",
      workers,
      `0 or "auto" as workers cannot be sent functions: have the transform "${origins}" by importTransform(), which tells them where it is`,
    );
  }
  if (typeof Worker !== "function") {
    throw new OptionError("workers", workers, "0 as there are no workers here");
  }
}

/**
 * Decides how many workers "auto" is: one less than there are cores, at most one for every four batches, and (but for
 * the first) no more than have room for their batches in 256 MB, all together. There are none where the host has none
 * or may not read what they run, or where workers cannot have the transform.
 */
export function autoWorkers(
  options: {
    transform: Transform;
    numBatches: number;
    prefetchFactor: number;
    batchLength: number;
  },
): number {
  const { transform, numBatches, prefetchFactor, batchLength } = options;
  if (typeof originsOf(transform) === "string" || !hasWorkers()) return 0;
  return Math.min(
    navigator.hardwareConcurrency - 1,
    Math.floor(numBatches / LEAST_BATCHES),
    Math.max(
      1,
      Math.floor(MAX_BYTES_AHEAD / (prefetchFactor * 4 * batchLength)),
    ),
  );
}
