/**
 * Data sets whose images are all in memory, as bytes and of one size, so that the device can hold them. Among them are those of
 * IDX files: MNIST, KMNIST, EMNIST, QMNIST and whatever else has their format.
 */

import { DataError, OptionError, ShapeError } from "../errors.ts";
import { type Dataset, makeDataset } from "./dataset.ts";
import { readFile } from "./gz_file.ts";
import { type IdxArray, parseIdx } from "./idx.ts";

/** What {@linkcode arrayDataset} is made of. */
export interface ArrayDatasetOptions {
  /** uint8 `[count, height, width]` or `[count, height, width, channels]`. */
  images: IdxArray;
  /** uint8 `[count]`, each below the number of class names. */
  labels: IdxArray;
  /** What label 0, 1, ... means. */
  classNames: readonly string[];
}

/** Images side by side: uint8 `[count, height, width, channels]`. */
export interface StoredImages {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const stored = new WeakMap<Dataset, StoredImages>();

/** The images of a data set that {@linkcode arrayDataset} made. */
export function storedImages(dataset: Dataset): StoredImages | undefined {
  return stored.get(dataset);
}

/**
 * Makes a data set of images in memory, without copying them.
 *
 * @param options Images, labels and class names.
 * @returns The data set; its images are uint8 `[height, width, channels]` with white 255.
 * @throws {ShapeError} If the arrays do not have these ranks or not the same count.
 * @throws {OptionError} If a label has no class name.
 */
export function arrayDataset(options: ArrayDatasetOptions): Dataset {
  return fromArrays(options, { images: "", labels: "" });
}

/** The files of {@linkcode idxDataset}. */
export interface IdxDatasetOptions {
  /** Path or `file:` address of the images, from 0 to 255, `[count, height, width]` or with channels; gz or plain. */
  images: string | URL;
  /** Path or `file:` address of the labels, from 0 to 255, `[count]`; or QMNIST's; gz or plain. */
  labels: string | URL;
  /** What label 0, 1, ... means. Default: "0", "1" and so on, to the largest label. */
  classNames?: readonly string[];
}

/**
 * Reads a data set of two IDX files. It checks that they are IDX, but not that they hold a certain data set.
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
    read(options.images),
    read(options.labels, 1),
  ]);
  if (![3, 4].includes(images.shape.length)) {
    throw new DataError(
      String(options.images),
      `Cannot use ${options.images} as images: expected shape [count, height, width] (or [count, height, width, channels]), found [${images.shape}]: name the file of the images`,
    );
  }
  const count = largestOf(labels) + 1;
  const { classNames = Array.from({ length: count }, (_, i) => `${i}`) } =
    options;
  return fromArrays({ images, labels, classNames }, {
    images: ` in ${options.images}`,
    labels: ` in ${options.labels}`,
  });
}

async function read(file: string | URL, rank?: number): Promise<IdxArray> {
  const bytes = await readFile(file, { wanted: "readable IDX file" });
  return parseIdx(bytes, { path: String(file), rank });
}

function largestOf({ data }: IdxArray): number {
  return data.reduce((max, value) => Math.max(max, value), 0);
}

/** `where` says where the arrays are, for errors. */
function fromArrays(
  { images, labels, classNames }: ArrayDatasetOptions,
  where: { images: string; labels: string },
): Dataset {
  const [length, height, width, channels = 1] = images.shape;
  if (![3, 4].includes(images.shape.length) || labels.shape.length !== 1) {
    throw new ShapeError(
      `Cannot make a data set as images and labels must have shapes [count, height, width] (or [count, height, width, channels]) and [count]: got [${images.shape}] and [${labels.shape}]`,
    );
  }
  const [count] = labels.shape;
  if (count !== length) {
    throw new ShapeError(
      `Cannot make a data set as there must be one label per image: got ${length} images${where.images} and ${count} labels${where.labels}${
        where.images && ": name two files that go together"
      }`,
    );
  }
  const unnamed = labels.data.findIndex((label) => label >= classNames.length);
  if (unnamed >= 0) {
    throw new OptionError(
      `labels[${unnamed}]${where.labels}`,
      labels.data[unnamed],
      `less than ${classNames.length}, the number of class names`,
    );
  }
  const size = height * width * channels;
  const dataset = makeDataset({
    length,
    classNames,
    labels: labels.data,
    get(index) {
      const data = images.data.subarray(index * size, (index + 1) * size);
      return {
        image: { data, height, width, channels, maxValue: 255 },
        label: labels.data[index],
      };
    },
  });
  stored.set(dataset, { data: images.data, height, width, channels });
  return dataset;
}
