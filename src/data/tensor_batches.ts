/**
 * Batches as tensors, one after the other, from the device or from the host.
 *
 * @module
 */

import { device, readyDevice } from "../device/device.ts";
import { hasBackend, loadTf, tf } from "../device/tf.ts";
import { BackendError } from "../errors.ts";
import type { DataPath } from "./data_path.ts";
import { labelsOf } from "./dataset.ts";
import { drawRows } from "./device_plan.ts";
import type { BatchPlan } from "./host_batch.ts";
import {
  hostBatches,
  type HostOptions,
  type HostSource,
} from "./host_batches.ts";
import type { Batch } from "./loader_options.ts";
import { viewOf } from "./split.ts";

/** How to make tensors. */
export interface TensorOptions extends Omit<HostOptions, "reuse"> {
  /** Chooses where to make batches, once TensorFlow.js is there. */
  readonly choose: () => DataPath;
}

/**
 * Makes batches of tensors. Those of a batch are disposed when the next is asked for, or when the loop is left.
 *
 * @param plans Which samples, batch after batch.
 * @param source What the batches are made of.
 * @param options How they are made.
 * @returns The batches, in the order of the plans.
 * @throws {BackendError} If no device is ready.
 */
export async function* tensorBatches(
  plans: readonly BatchPlan[],
  source: HostSource,
  options: TensorOptions,
): AsyncGenerator<Batch, void, undefined> {
  await loadTf();
  // Making a tensor would have tfjs choose a backend by itself.
  if (!hasBackend()) {
    throw new BackendError(
      "Cannot make tensors as no device is ready: call `await initBackend()` first",
    );
  }
  const path = options.choose();
  const made = path.place === "device"
    ? _fromDevice(plans, source, { ...path, signal: options.signal })
    : _fromHost(plans, source, options);
  let next = 0;
  for await (const { images, labels } of made) {
    try {
      yield { images, labels, place: plans[next++].place };
    } finally {
      images.dispose();
      labels.dispose();
    }
  }
}

function* _fromDevice(
  plans: readonly BatchPlan[],
  { dataset, shape }: HostSource,
  { images, plan, signal }: DataPath & { place: "device" } & {
    signal?: AbortSignal;
  },
): Generator<Batch> {
  const { indices } = viewOf(dataset);
  const labels = labelsOf(dataset);
  const { data, height, width, channels } = images;
  for (const batch of plans) {
    signal?.throwIfAborted();
    const places = indices
      ? batch.indices.map((index) => indices[index])
      : batch.indices;
    const chosen = Int32Array.from(batch.indices, (index) => labels[index]);
    yield {
      images: places.length > 0
        ? device().images!.gather(data, {
          places,
          bytesPerImage: height * width * channels,
          sizes: plan.sizes,
          makeTable: (places) => drawRows(plan, batch, places),
        })
        : tf.tensor4d([], [0, ...shape]),
      labels: tf.tensor1d(chosen, "int32"),
    };
  }
  // While the last batch was in use.
  signal?.throwIfAborted();
}

async function* _fromHost(
  plans: readonly BatchPlan[],
  source: HostSource,
  options: TensorOptions,
): AsyncGenerator<Batch> {
  // A tensor that stays on the host is the memory of the batch: on the CPU, and where the device cannot bind it, so that
  // whoever uses it can take parts of it.
  const [height, width, channels] = source.shape;
  const size = (plans[0]?.indices.length ?? 0) * height * width * channels;
  const { images, info } = readyDevice() ?? {};
  const copy = info && 4 * size <= info.maxBindingBytes
    ? images?.copy
    : undefined;
  const reuse = copy !== undefined;
  for await (const batch of hostBatches(plans, source, { ...options, reuse })) {
    yield {
      images: copy && batch.images.length > 0
        ? copy(batch.images, batch.shape)
        : tf.tensor4d(batch.images, batch.shape, "float32"),
      labels: tf.tensor1d(batch.labels, "int32"),
    };
  }
}
