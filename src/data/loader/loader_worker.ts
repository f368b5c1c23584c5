/**
 * The worker of a loader: makes batches, one task after the other. Started as a module worker, it loads no TensorFlow.js.
 */

import { SampleError, ShapeError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { Dataset, Sample } from "../dataset.ts";
import { load, type Origin } from "../modules.ts";
import { openImageFolder } from "../pictures/image_folder.ts";
import * as transforms from "../transforms/mod.ts";
import type { ArrayBatch, BatchPlan, ImageShape } from "./batch.ts";
import { makeHostBatch } from "./host_batch.ts";

/** The first message to a worker. */
export interface WorkerSetUp {
  /** The transforms to apply, first to last. */
  readonly transforms: readonly Origin[];
  /** `undefined` if the samples come with each task. */
  readonly dataset?: Origin;
  readonly classNames: readonly string[];
  /** What every image must be after the transforms. */
  readonly shape: ImageShape;
}

/** Every other message to a worker: a batch to make. */
export interface WorkerTask {
  readonly plan: BatchPlan;
  /** The samples, whose images share one memory; or their indices in the data set. */
  readonly samples: readonly Sample[] | Uint32Array<ArrayBuffer>;
  /** Memory to use. */
  readonly memory?: ArrayBuffer;
}

/** Every message of a worker: the answers to the tasks, in their order. */
export type WorkerAnswer =
  | { readonly batch: ArrayBatch }
  | { readonly failure: WorkerFailure };

/** An error, taken apart so that it can be sent. */
export interface WorkerFailure {
  /** Index of the sample, for a `SampleError`. */
  readonly index?: number;
  /** Whether it is a `ShapeError`. */
  readonly isShape: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** What a worker finds in this package, by name. */
const OWN = { ...transforms, openImageFolder };

// If a worker ended without an error, the loader would wait for it for ever.
host.replaceExit(() => {
  throw new Error(
    "a worker of a loader must not be closed by what it runs: leave that to the loader",
  );
});

/** A worker's `postMessage` has other types than that of a page, which Deno checks this file for. */
const scope = globalThis as unknown as {
  postMessage(message: WorkerAnswer, transfer: Transferable[]): void;
};

type Maker = (task: WorkerTask) => ArrayBatch;

/** What was set up, once the first message is there. */
let maker: Promise<Maker>;

addEventListener("message", (event) => {
  const { data } = event as MessageEvent;
  if (maker === undefined) {
    maker = setUp(data);
    // The answer to the first task reports it.
    maker.catch(() => {});
  } else {
    answer(data);
  }
});

async function setUp(
  { transforms: origins, dataset: origin, classNames, shape }: WorkerSetUp,
): Promise<Maker> {
  const loaded = await Promise.all(origins.map((one) => load(one, OWN)));
  const transform = transforms.compose(loaded as transforms.Transform[]);
  const dataset = origin && await load(origin, OWN) as Dataset;
  return ({ plan, samples, memory }) => {
    const get = samples instanceof Uint32Array
      ? (i: number): Sample => dataset!.get(samples[i])
      : (i: number): Sample => samples[i];
    const source = { get, dataset: { classNames }, transform, shape, memory };
    return makeHostBatch(plan, source);
  };
}

async function answer(task: WorkerTask): Promise<void> {
  try {
    const batch = (await maker)(task);
    scope.postMessage({ batch }, [batch.images.buffer, batch.labels.buffer]);
  } catch (error) {
    const index = error instanceof SampleError ? error.index : undefined;
    const inner = error instanceof SampleError ? error.cause : error;
    const isShape = error instanceof ShapeError;
    const { name, message, stack } = inner instanceof Error
      ? inner
      : new Error(String(inner));
    const failure = { index, isShape, name, message, stack };
    scope.postMessage({ failure }, []);
  }
}
