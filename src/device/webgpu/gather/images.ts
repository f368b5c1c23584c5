/** The images of data sets on the WebGPU device: they stay there as bytes, and batches are made of them. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { GatheredBatch } from "../../device.ts";
import { perOwner } from "../../memo.ts";
import { type GatherSizes, wordsPerImage } from "../../sizes.ts";
import { asTensor } from "../../tape.ts";
import { type Tensor4D, tf } from "../../tf.ts";
import { gatherShader } from "./gather_images_shader.ts";
import {
  freeResident,
  makeFilled,
  makeOutput,
  makeResident,
  programOf,
  record,
} from "../run/dispatch.ts";
import { traitsOf } from "../run/ways.ts";

/** The copies on each device, by the bytes that they are copies of. */
const residents = perOwner((_: WebGPUBackend) =>
  new WeakMap<Uint8Array, TensorInfo>()
);

/** Frees the copy of bytes that the program has let go of. */
const forgotten = new FinalizationRegistry((free: () => void) => free());

/** Makes a batch. The first call copies all images, which stay; if a shader cannot bind so many, each call copies its own. */
export function gatherBatch(
  bytes: Uint8Array,
  { indices, bytesPerImage, sizes, makeTable }: GatheredBatch,
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  if (bytes.length <= traitsOf(backend).maxBindingBytes) {
    const rows = makeTable(indices);
    const images = residentOf(backend, bytes);
    return asTensor(gatherImages(backend, images, { sizes, rows })) as Tensor4D;
  }
  const rows = makeTable(indices.map((_, i) => i));
  const sent = makeResident(backend, pick(bytes, indices, bytesPerImage));
  const info = gatherImages(backend, sent, { sizes, rows });
  backend.disposeData(sent.dataId);
  return asTensor(info) as Tensor4D;
}

/** Copies a batch to the device; the caller may use its memory again. */
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
  const known = residents(backend);
  const resident = known.get(bytes);
  if (resident === undefined) return;
  known.delete(bytes);
  forgotten.unregister(bytes);
  freeResident(backend, resident);
}

function residentOf(backend: WebGPUBackend, bytes: Uint8Array): TensorInfo {
  const known = residents(backend);
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
  indices: Uint32Array,
  bytesPerImage: number,
): Uint8Array {
  // Rounded up to words of four bytes.
  const picked = new Uint8Array(
    Math.ceil(indices.length * bytesPerImage / 4) * 4,
  );
  indices.forEach((index, i) => {
    const begin = index * bytesPerImage;
    picked.set(bytes.subarray(begin, begin + bytesPerImage), i * bytesPerImage);
  });
  return picked;
}

/**
 * Makes a batch of images.
 *
 * Output pixel i reads the resized image at max(0, (i + 0.5) * in / out - 0.5), as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does. The shader works that out in integers, to get what the host gets.
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
  // Recorded, not submitted: submitting may wait for earlier work, and making a batch must not wait.
  record(backend, program, [output, images, table]);
  backend.disposeData(table.dataId);
  return output;
}
