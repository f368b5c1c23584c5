/**
 * The images of data sets on the WebGPU device: they stay there as bytes, and batches are made of them.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { GatheredBatch } from "../../device.ts";
import { type GatherSizes, wordsPerImage } from "../../sizes.ts";
import { asTensor } from "../../tape.ts";
import { type Tensor4D, tf } from "../../tf.ts";
import { gatherShader } from "./gather_images_shader.ts";
import { makeFilled, makeOutput, record } from "../run/dispatch.ts";
import { programOf } from "../run/program.ts";
import { freeResident, makeResident } from "../run/resident.ts";
import { traitsOf } from "../run/ways.ts";

/** What is on each device, by the bytes that it is a copy of. */
const residents = new WeakMap<
  WebGPUBackend,
  WeakMap<Uint8Array, TensorInfo>
>();

/** Frees what is on a device and belongs to bytes that nobody has any more. */
const forgotten = new FinalizationRegistry((free: () => void) => free());

/** Makes a batch. All images are copied on the first call, and stay; if a shader cannot see so many, those of the batch are copied. */
export function gatherBatch(
  bytes: Uint8Array,
  { places, bytesPerImage, sizes, makeTable }: GatheredBatch,
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  if (bytes.length <= traitsOf(backend).maxBindingBytes) {
    const rows = makeTable(places);
    const images = residentOf(backend, bytes);
    return asTensor(gatherImages(backend, images, { sizes, rows })) as Tensor4D;
  }
  const rows = makeTable(places.map((_, i) => i));
  const sent = makeResident(backend, pick(bytes, places, bytesPerImage));
  const info = gatherImages(backend, sent, { sizes, rows });
  backend.disposeData(sent.dataId);
  return asTensor(info) as Tensor4D;
}

/** Copies a batch to the device; its memory may be used again. */
export function copyImages(
  values: Float32Array<ArrayBuffer>,
  shape: readonly number[],
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  return asTensor(makeFilled(backend, values, shape)) as Tensor4D;
}

/** Frees the copy of bytes, if there is one. */
export function freeImages(bytes: Uint8Array): void {
  const backend = tf.backend() as WebGPUBackend;
  const resident = residents.get(backend)?.get(bytes);
  if (resident === undefined) return;
  residents.get(backend)!.delete(bytes);
  forgotten.unregister(bytes);
  freeResident(backend, resident);
}

function residentOf(backend: WebGPUBackend, bytes: Uint8Array): TensorInfo {
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

function pick(
  bytes: Uint8Array,
  places: Uint32Array,
  bytesPerImage: number,
): Uint8Array {
  // In words of four bytes.
  const picked = new Uint8Array(
    Math.ceil(places.length * bytesPerImage / 4) * 4,
  );
  places.forEach((place, i) => {
    const begin = place * bytesPerImage;
    picked.set(bytes.subarray(begin, begin + bytesPerImage), i * bytesPerImage);
  });
  return picked;
}

/**
 * Makes a batch of images.
 *
 * Output place i reads what is resized at max(0, (i + 0.5) * in / out - 0.5), as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does. The place is worked out in integers, so that it is the same as
 * on the host.
 */
export function gatherImages(
  backend: WebGPUBackend,
  images: TensorInfo,
  { sizes, rows }: { sizes: GatherSizes; rows: Int32Array<ArrayBuffer> },
): TensorInfo {
  const batch = rows.length / wordsPerImage(sizes);
  const { output: { height, width }, channels } = sizes;
  const output = makeOutput(backend, [batch, height, width, channels]);
  const program = programOf(
    backend,
    `gather images,${batch},${JSON.stringify(sizes)}`,
    () => gatherShader(batch, sizes),
  );
  const table = makeFilled(backend, new Uint32Array(rows.buffer));
  // Whoever asks for a batch is not to wait for the work before it.
  record(backend, program, [output, images, table]);
  backend.disposeData(table.dataId);
  return output;
}
