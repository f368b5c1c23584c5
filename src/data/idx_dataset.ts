/**
 * Data sets in IDX files: MNIST, KMNIST, EMNIST and whatever else has their format.
 *
 * @module
 */

import { gunzipSync } from "fflate";
import { DataError } from "../errors.ts";
import { arrayDataset } from "./array_dataset.ts";
import type { Dataset } from "./dataset.ts";
import { parseIdx } from "./idx.ts";

/** The files of {@linkcode idxDataset}. */
export interface IdxDatasetOptions {
  /** Path or `file:` address of the images, uint8 `[count, height, width]` or with channels; gz or plain. */
  images: string | URL;
  /** Path or `file:` address of the labels, uint8 `[count]`; gz or plain. */
  labels: string | URL;
  /** What label 0, 1, ... means. Default: "0", "1" and so on, to the largest label. */
  classNames?: readonly string[];
}

/**
 * Reads a data set of two IDX files. Their content is checked to be IDX, but nothing is known of what it should be.
 *
 * @example
 * ```ts ignore
 * const dataset = await idxDataset({
 *   images: "mnist/train-images-idx3-ubyte.gz",
 *   labels: "mnist/train-labels-idx1-ubyte.gz",
 * });
 * const loader = new DataLoader(dataset, { batchSize: 128, shuffle: true });
 * ```
 *
 * @param options The files.
 * @returns The data set, in memory; a WebGPU device can hold it as well.
 * @throws {DataError} If a file cannot be read or is not IDX.
 * @throws {ShapeError} If the files do not go together.
 * @throws {OptionError} If a label has no class name.
 */
export async function idxDataset(options: IdxDatasetOptions): Promise<Dataset> {
  const [images, labels] = await Promise.all(
    [options.images, options.labels].map(async (file) => {
      const path = String(file);
      return parseIdx(await _read(file, path), { path });
    }),
  );
  const largest = labels.data.reduce((max, label) => Math.max(max, label), 0);
  const { classNames = Array.from({ length: largest + 1 }, (_, i) => `${i}`) } =
    options;
  return arrayDataset({ images, labels, classNames });
}

async function _read(file: string | URL, path: string): Promise<Uint8Array> {
  try {
    const bytes = await Deno.readFile(file);
    const isGz = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return isGz ? gunzipSync(bytes) : bytes;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      path,
      `Cannot read ${path} (${reason}): name a readable IDX file`,
    );
  }
}
