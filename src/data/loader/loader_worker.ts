/**
 * The worker of a loader: makes batches, one task after the other, and the messages between it and the main thread. Started
 * as a module worker, it loads no TensorFlow.js.
 *
 * @module
 */

import { SampleError, ShapeError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { Dataset, Sample } from "../dataset.ts";
import { load } from "../modules.ts";
import type { Origin } from "../origin.ts";
import { openImageFolder } from "../pictures/image_folder.ts";
import { compose, type Transform } from "../transforms/mod.ts";
import type { ArrayBatch, ImageShape } from "./batch.ts";
import type { BatchPlan } from "./epoch_plan.ts";
import { makeHostBatch } from "./host_batch.ts";
import * as transforms from "../transforms/mod.ts";

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

/** An error, as it is sent. */
export interface WorkerFailure {
  /** Index of the sample, for a `SampleError`. */
  readonly index?: number;
  /** Whether it is a `ShapeError`. */
  readonly isShape: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** What this package can make in a worker, by name. */
const OWN = { ...transforms, openImageFolder };

/** The part of a worker's global scope that is used. Its types differ from those of a page. */
interface Scope {
  addEventListener(
    type: "message",
    listener: (event: MessageEvent) => void,
  ): void;
  postMessage(message: WorkerAnswer, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as Scope;

// If a worker ended without an error, the loader would wait for it for ever.
host.replaceExit(() => {
  throw new Error(
    "a worker of a loader must not be closed by what it runs: leave that to the loader",
  );
});

/** What was set up, once the first message is there. */
let maker: Promise<(task: WorkerTask) => ReturnType<typeof makeHostBatch>>;

scope.addEventListener("message", ({ data }) => {
  if (maker === undefined) {
    maker = setUp(data);
    // The answer to the first task reports it.
    maker.catch(() => {});
  } else {
    answer(data);
  }
});

async function answer(task: WorkerTask): Promise<void> {
  try {
    const batch = (await maker)(task);
    scope.postMessage({ batch }, [batch.images.buffer, batch.labels.buffer]);
  } catch (error) {
    scope.postMessage({ failure: failureOf(error) }, []);
  }
}

async function setUp(
  { transforms, dataset: origin, classNames, shape }: WorkerSetUp,
): Promise<(task: WorkerTask) => ReturnType<typeof makeHostBatch>> {
  const loaded = await Promise.all(transforms.map((t) => load(t, OWN)));
  const transform = compose(loaded as Transform[]);
  const dataset = origin && await load(origin, OWN) as Dataset;
  return ({ plan, samples, memory }) => {
    const get = samples instanceof Uint32Array
      ? (i: number): Sample => dataset!.get(samples[i])
      : (i: number): Sample => samples[i];
    const source = { get, dataset: { classNames }, transform, shape, memory };
    return makeHostBatch(plan, source);
  };
}

/** Takes an error apart, so that it can be sent. */
function failureOf(error: unknown): WorkerFailure {
  const index = error instanceof SampleError ? error.index : undefined;
  const inner = error instanceof SampleError ? error.cause : error;
  const isShape = error instanceof ShapeError;
  if (!(inner instanceof Error)) {
    return { index, isShape, name: "Error", message: String(inner) };
  }
  const { name, message, stack } = inner;
  return { index, isShape, name, message, stack };
}
