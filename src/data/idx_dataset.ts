/**
 * Data sets in IDX files: MNIST, KMNIST, EMNIST and whatever else has their format.
 *
 * @module
 */

import { DataError, OptionError, ShapeError } from "../errors.ts";
import { arrayDataset } from "./array_dataset.ts";
import type { Dataset } from "./dataset.ts";
import { type IdxArray, parseIdx } from "./idx.ts";
import { readFile } from "./read_file.ts";

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
  const [images, labels] = await Promise.all([
    _read(options.images),
    _read(options.labels, 1),
  ]);
  _checkTogether({ images, labels }, options);
  const largest = labels.data.reduce((max, label) => Math.max(max, label), 0);
  const { classNames = Array.from({ length: largest + 1 }, (_, i) => `${i}`) } =
    options;
  if (largest >= classNames.length) {
    throw new OptionError(
      "classNames.length",
      classNames.length,
      `at least ${
        largest + 1
      } as there is a label ${largest} in ${options.labels}`,
    );
  }
  return arrayDataset({ images, labels, classNames });
}

/** Says which files they are, which `arrayDataset` does not know. */
function _checkTogether(
  { images, labels }: { images: IdxArray; labels: IdxArray },
  options: IdxDatasetOptions,
): void {
  if (![3, 4].includes(images.shape.length)) {
    throw new DataError(
      String(options.images),
      `Cannot use ${options.images} as images: expected shape [count, height, width] (or [count, height, width, channels]), found [${images.shape}]: name the file of the images`,
    );
  }
  if (images.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      `Cannot make a data set of the ${
        images.shape[0]
      } images in ${options.images} and the ${
        labels.shape[0]
      } labels in ${options.labels}: name two files that go together`,
    );
  }
}

async function _read(file: string | URL, rank?: number): Promise<IdxArray> {
  const bytes = await readFile(file, { wanted: "readable IDX file" });
  return parseIdx(bytes, { path: String(file), rank });
}
