/**
 * The worker of a loader: makes batches, one task after the other. Started as a module worker, it loads no TensorFlow.js.
 *
 * @module
 */

import type { Dataset, Sample } from "./dataset.ts";
import { makeHostBatch } from "./host_batch.ts";
import { openImageFolder } from "./image_folder.ts";
import { load } from "./modules.ts";
import * as transforms from "./transforms/mod.ts";
import { compose, type Transform } from "./transforms/mod.ts";
import {
  failureOf,
  type WorkerAnswer,
  type WorkerSetUp,
  type WorkerTask,
} from "./worker_messages.ts";

/** What this package can make in a worker, by name. */
const OWN = { ...transforms, openImageFolder };

/** The part of a worker's global scope that is used; its types are not those of a page. */
interface Scope {
  addEventListener(
    type: "message",
    listener: (event: MessageEvent) => void,
  ): void;
  postMessage(message: WorkerAnswer, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as Scope;

// A worker that ends without an error tells nobody: the loader would wait for it for ever.
const refuse = () => {
  throw new Error(
    "a worker of a loader must not be closed by what it runs: leave that to the loader",
  );
};
Object.assign(globalThis, { close: refuse });
if ("Deno" in globalThis) Object.assign(Deno, { exit: refuse });

/** What was set up, once the first message is there. */
let maker: Promise<(task: WorkerTask) => ReturnType<typeof makeHostBatch>>;

scope.addEventListener("message", ({ data }) => {
  if (maker === undefined) {
    maker = _setUp(data);
    // Reported with the first task.
    maker.catch(() => {});
  } else {
    _answer(data);
  }
});

async function _answer(task: WorkerTask): Promise<void> {
  try {
    const batch = (await maker)(task);
    scope.postMessage({ batch }, [batch.images.buffer, batch.labels.buffer]);
  } catch (error) {
    scope.postMessage({ failure: failureOf(error) }, []);
  }
}

async function _setUp(
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
