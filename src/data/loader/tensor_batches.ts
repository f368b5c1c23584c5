/** Chooses where batches are made, on the device of images that it holds or on the host, and makes tensors of them. */

import { device, readyDevice } from "../../device/device.ts";
import { hasBackend, loadTf, tf } from "../../device/tf.ts";
import { BackendError, OptionError } from "../../errors.ts";
import { type StoredImages, storedImages } from "../array_dataset.ts";
import { labelsOf } from "../dataset.ts";
import { wholeOf } from "../split.ts";
import type { Batch, BatchPlan } from "./batch.ts";
import { type DevicePlan, drawRows, planForDevice } from "./device_plan.ts";
import { hostBatches, type HostSource } from "./host_batches.ts";

/** What the device makes batches of, and how. */
interface OnDevice {
  readonly madeOn: "device";
  readonly images: StoredImages;
  readonly plan: DevicePlan;
}

/** Where batches are made; on the host for a reason. */
export type DataPath = OnDevice | {
  readonly madeOn: "host";
  readonly reason: string;
};

/** Chooses where batches are made: on the device if it can make them. */
export function choosePath(
  source: HostSource,
  options: { path: "auto" | "device" | "host"; batchSize: number },
): DataPath {
  const { path, batchSize } = options;
  const found = path === "host" ? "as asked" : forDevice(source, batchSize);
  if (typeof found !== "string") return found;
  if (path === "device") {
    throw new OptionError("path", path, `"auto" or "host", as ${found}`);
  }
  return { madeOn: "host", reason: found };
}

function forDevice(
  { dataset, transform, shape }: HostSource,
  batchSize: number,
): OnDevice | string {
  const { images: holder, info } = readyDevice() ?? {};
  if (!holder || !info) return "the device in use is not WebGPU";
  const images = storedImages(wholeOf(dataset).whole);
  if (images === undefined) return "the images are not in memory as bytes";
  const { height, width, channels } = images;
  const plan = planForDevice(transform, [height, width, channels]);
  if (typeof plan === "string") return plan;
  const numBytes = shape.reduce((a, b) => a * b, 4 * batchSize);
  const { maxBindingBytes } = info;
  if (numBytes > maxBindingBytes) {
    return `a batch of ${numBytes} bytes is more than the ${maxBindingBytes} that the adapter binds`;
  }
  // Images that the device cannot hold are sent batch by batch, in words of four bytes.
  const sentBytes = 4 * Math.ceil(batchSize * height * width * channels / 4);
  if (Math.min(images.data.length, sentBytes) > maxBindingBytes) {
    return `the ${sentBytes} bytes that a batch is made of are more than the ${maxBindingBytes} that the adapter binds`;
  }
  return { madeOn: "device", images, plan };
}

/**
 * Makes batches of tensors in the order of the plans. The tensors of a batch are disposed when the next is asked for,
 * or when the loop is left. `choose` says where to make them, once TensorFlow.js is there.
 */
export async function* tensorBatches(
  plans: readonly BatchPlan[],
  source: HostSource,
  choose: () => DataPath,
): AsyncGenerator<Batch, void, undefined> {
  await loadTf();
  // If a tensor were made now, tfjs would choose a backend by itself.
  if (!hasBackend()) {
    throw new BackendError(
      "Cannot make tensors as no device is ready: call `await initBackend()` first",
    );
  }
  const path = choose();
  const made = path.madeOn === "device"
    ? fromDevice(plans, source, path)
    : fromHost(plans, source);
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

function* fromDevice(
  plans: readonly BatchPlan[],
  { dataset, shape, signal }: HostSource,
  { images, plan }: OnDevice,
): Generator<Batch> {
  const { locate } = wholeOf(dataset);
  const labels = labelsOf(dataset);
  const { data, height, width, channels } = images;
  signal?.throwIfAborted();
  for (const batch of plans) {
    const indices = locate(batch.indices);
    const chosen = Int32Array.from(batch.indices, (index) => labels[index]);
    yield {
      images: indices.length > 0
        ? device().images!.gather(data, {
          indices,
          bytesPerImage: height * width * channels,
          sizes: plan.sizes,
          makeTable: (stored) => drawRows(plan, batch, stored),
        })
        : tf.tensor4d([], [0, ...shape]),
      labels: tf.tensor1d(chosen, "int32"),
    };
    // The signal may have come while the batch was in use, even the last one.
    signal?.throwIfAborted();
  }
}

async function* fromHost(
  plans: readonly BatchPlan[],
  source: HostSource,
): AsyncGenerator<Batch> {
  // Where nothing is copied to the device, a tensor is the memory of its batch, which therefore cannot be used again: on the CPU,
  // and if the device cannot bind so large a batch. Then the tensor stays on the host, and its user takes parts of it.
  const length = plans[0]?.indices.length ?? 0;
  const size = source.shape.reduce((a, b) => a * b, length);
  const { images, info } = readyDevice() ?? {};
  const isBound = info !== undefined && 4 * size <= info.maxBindingBytes;
  const copy = isBound ? images?.copy : undefined;
  const reuse = copy !== undefined;
  for await (const batch of hostBatches(plans, source, { reuse })) {
    yield {
      images: copy && batch.images.length > 0
        ? copy(batch.images, batch.shape)
        : tf.tensor4d(batch.images, batch.shape, "float32"),
      labels: tf.tensor1d(batch.labels, "int32"),
    };
  }
}
