/**
 * Where batches are made: on the device, of images that it holds, or on the host, by workers.
 *
 * @module
 */

import { device, readyDevice } from "../device/device.ts";
import { OptionError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import { type StoredImages, storedImages } from "./array_dataset.ts";
import { type DevicePlan, planForDevice } from "./device_plan.ts";
import { type HostSource, originsOf } from "./host_batches.ts";
import { viewOf } from "./split.ts";
import type { Transform } from "./transforms/transform.ts";
import { hasWorkers } from "./worker_pool.ts";

/** Where to make batches. */
export type DataPathOption = "auto" | "device" | "host";

/** Where batches are made. */
export type DataPath =
  | {
    readonly place: "device";
    readonly images: StoredImages;
    readonly plan: DevicePlan;
  }
  | {
    readonly place: "host";
    readonly workers: number;
    /** Why not on the device. */
    readonly reason: string;
  };

/** Batches that each worker should at least have, to be worth starting. */
const LEAST_BATCHES = 4;

/** Bytes that all batches made ahead of time may have: with what else it needs, the process then stays below 1 GB. */
const MAX_BYTES_AHEAD = 256e6;

/**
 * Chooses where batches are made.
 *
 * @param source What the batches are made of.
 * @param options What was asked for, workers if it is the host, and the size of the largest batch.
 * @returns The device where it can do it, or why it cannot.
 * @throws {OptionError} If the device was asked for and cannot do it.
 */
export function choosePath(
  source: HostSource,
  options: { path: DataPathOption; workers: number; batchSize: number },
): DataPath {
  const { path, workers } = options;
  if (path === "host") return { place: "host", workers, reason: "as asked" };
  const found = _forDevice(source, options.batchSize);
  if (typeof found !== "string") return found;
  if (path === "device") {
    throw new OptionError("path", path, `"auto" or "host", as ${found}`);
  }
  return { place: "host", workers, reason: found };
}

function _forDevice(
  { dataset, transform, shape }: HostSource,
  batchSize: number,
): DataPath | string {
  if (!batchesOnDevice()) return "the device in use is not WebGPU";
  const images = storedImages(viewOf(dataset).base);
  if (images === undefined) return "the images are not in memory as bytes";
  const { height, width, channels } = images;
  const plan = planForDevice(transform, [height, width, channels]);
  if (typeof plan === "string") return plan;
  const numBytes = 4 * batchSize * shape[0] * shape[1] * shape[2];
  const { maxBindingBytes } = device().info;
  if (numBytes > maxBindingBytes) {
    return `a batch of ${numBytes} bytes is more than the ${maxBindingBytes} that the adapter binds`;
  }
  // Images that the device cannot hold are sent batch by batch, in words of four bytes.
  const sentBytes = 4 * Math.ceil(batchSize * height * width * channels / 4);
  if (Math.min(images.data.length, sentBytes) > maxBindingBytes) {
    return `the ${sentBytes} bytes that a batch is made of are more than the ${maxBindingBytes} that the adapter binds`;
  }
  return { place: "device", images, plan };
}

/**
 * Says whether the device in use makes batches of images itself.
 *
 * @returns Whether it does; false where none is ready.
 */
export function batchesOnDevice(): boolean {
  return readyDevice()?.images !== undefined;
}

/**
 * Checks a number of workers.
 *
 * @param workers What was asked for: a number, or "auto".
 * @param transform What the workers are to do.
 * @throws {OptionError} If it is neither, or if workers were asked for and cannot have the transform.
 */
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
 * Decides how many workers "auto" is: the number of cores less one, at most one for every four batches, and (but for the
 * first) no more than have room for the batches that they make ahead of time in 256 MB, all together; none where there are
 * no workers, where Deno may not read what they run, or where they cannot have the transform.
 *
 * @param options The transform, batches per epoch, batches that each worker is asked for ahead of time, and numbers in each.
 * @returns How many.
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
