/**
 * Batches that the WebGPU device makes of images of bytes, which it holds or is sent.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor4D, tf } from "../device/tf.ts";
import { asTensor } from "../device/tape.ts";
import { makeFilled } from "../device/webgpu/run/dispatch.ts";
import { gatherImages } from "../device/webgpu/gather/gather_images.ts";
import { freeResident, makeResident } from "../device/webgpu/run/resident.ts";
import { traitsOf } from "../device/webgpu/run/traits.ts";
import type { StoredImages } from "./array_dataset.ts";
import { type DevicePlan, drawRows } from "./device_plan.ts";
import type { ArrayBatch, BatchPlan } from "./host_batch.ts";

/** Images of data sets that are on a device, by their bytes. */
const residents = new WeakMap<
  WebGPUBackend,
  WeakMap<Uint8Array, TensorInfo>
>();

/** Frees what is on a device and belongs to bytes that nobody has any more. */
const forgotten = new FinalizationRegistry((free: () => void) => free());

/**
 * Makes the images of a batch on the WebGPU device, which must be in use. All images of the data set are copied to it on the
 * first call, and stay; if they are more than a shader can see, those of the batch are copied.
 *
 * @param images The images of the data set.
 * @param plan Their transform.
 * @param batch Which samples.
 * @param places Which of the images each sample is.
 * @returns float32 `[batch, height, width, channels]`; the current scope owns it.
 */
export function gatherOnDevice(
  images: StoredImages,
  options: {
    plan: DevicePlan;
    batch: BatchPlan;
    places: Uint32Array;
  },
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  const { plan, batch, places } = options;
  const { sizes } = plan;
  if (images.data.length <= traitsOf(backend).maxBindingBytes) {
    const resident = _resident(backend, images.data);
    const rows = drawRows(plan, batch, places);
    return asTensor(
      gatherImages(backend, resident, { sizes, rows }),
    ) as Tensor4D;
  }
  const sent = makeResident(backend, _pick(images, places));
  const rows = drawRows(plan, batch, places.map((_, i) => i));
  const info = gatherImages(backend, sent, { sizes, rows });
  backend.disposeData(sent.dataId);
  return asTensor(info) as Tensor4D;
}

/**
 * Copies the images of a batch to the WebGPU device, which must be in use.
 *
 * @param batch The batch; its memory may be used again.
 * @returns float32 `[batch, height, width, channels]`; the current scope owns it.
 */
export function copyToDevice({ images, shape }: ArrayBatch): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  return asTensor(makeFilled(backend, images, shape)) as Tensor4D;
}

/**
 * Frees what the WebGPU device holds of a data set.
 *
 * @param images The images of the data set.
 */
export function freeOnDevice({ data }: StoredImages): void {
  if (tf.getBackend() !== "webgpu") return;
  const backend = tf.backend() as WebGPUBackend;
  const resident = residents.get(backend)?.get(data);
  if (resident === undefined) return;
  residents.get(backend)!.delete(data);
  forgotten.unregister(data);
  freeResident(backend, resident);
}

function _resident(backend: WebGPUBackend, bytes: Uint8Array): TensorInfo {
  let known = residents.get(backend);
  if (known === undefined) residents.set(backend, known = new WeakMap());
  let resident = known.get(bytes);
  if (resident === undefined) {
    const made = makeResident(backend, bytes);
    known.set(bytes, resident = made);
    forgotten.register(bytes, () => freeResident(backend, made), bytes);
  }
  return resident;
}

function _pick(
  { data, height, width, channels }: StoredImages,
  places: Uint32Array,
): Uint8Array {
  const stride = height * width * channels;
  const picked = new Uint8Array(Math.ceil(places.length * stride / 4) * 4);
  places.forEach((place, i) =>
    picked.set(data.subarray(place * stride, (place + 1) * stride), i * stride)
  );
  return picked;
}
