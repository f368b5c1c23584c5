/**
 * Labelled images that are had one at a time, by index.
 *
 * @module
 */

import { OptionError, ShapeError } from "../errors.ts";
import type { IdxArray } from "./idx.ts";

/** An image, `[height, width, channels]` in row-major order. */
export interface Image {
  /** uint8 or float32, `height * width * channels` values. */
  readonly data: Uint8Array | Float32Array;
  /** Number of rows. */
  readonly height: number;
  /** Number of columns. */
  readonly width: number;
  /** Values per pixel. */
  readonly channels: number;
  /** The value of white; black is 0. */
  readonly maxValue: 255 | 1;
}

/** An image and its class. */
export interface Sample {
  /** The image; it may share memory with the data set, so it must not be modified. */
  readonly image: Image;
  /** Index into the class names. */
  readonly label: number;
}

/** Labelled images. */
export interface Dataset {
  /** Number of samples. */
  readonly length: number;
  /** What label 0, 1, ... means. */
  readonly classNames: readonly string[];
  /**
   * Gets one sample.
   *
   * @param index Which, in [0, length).
   * @returns The sample.
   * @throws {OptionError} If there is no such sample.
   */
  get(index: number): Sample;
}

/** What {@linkcode arrayDataset} is made of. */
export interface ArrayDatasetOptions {
  /** uint8 `[count, height, width]`. */
  images: IdxArray;
  /** uint8 `[count]`, each below the number of class names. */
  labels: IdxArray;
  /** What label 0, 1, ... means. */
  classNames: readonly string[];
}

/**
 * Makes a data set of grey images in memory, without copying them.
 *
 * @param options Images, labels and class names.
 * @returns The data set; its images are uint8 `[height, width, 1]` with white 255.
 * @throws {ShapeError} If the arrays do not have these ranks or not the same count.
 * @throws {OptionError} If a label has no class name.
 */
export function arrayDataset(options: ArrayDatasetOptions): Dataset {
  const { images, labels, classNames } = options;
  if (images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new ShapeError(
      `Cannot make a data set as images and labels must have shapes [count, height, width] and [count]: got [${images.shape}] and [${labels.shape}]`,
    );
  }
  const [length, height, width] = images.shape;
  if (labels.shape[0] !== length) {
    throw new ShapeError(
      `Cannot make a data set as there must be one label per image: got ${length} images and ${
        labels.shape[0]
      } labels`,
    );
  }
  const unnamed = labels.data.findIndex((label) => label >= classNames.length);
  if (unnamed >= 0) {
    throw new OptionError(
      `labels[${unnamed}]`,
      labels.data[unnamed],
      `less than ${classNames.length}, the number of class names`,
    );
  }
  const numPixels = height * width;
  return {
    length,
    classNames,
    get(index) {
      _checkIndex(index, length);
      const first = index * numPixels;
      const data = images.data.subarray(first, first + numPixels);
      return {
        image: { data, height, width, channels: 1, maxValue: 255 },
        label: labels.data[index],
      };
    },
  };
}

/**
 * The first samples of a data set.
 *
 * @param dataset The data set.
 * @param count How many samples, in [1, length].
 * @returns A view of the data set.
 * @throws {OptionError} If there are not as many.
 */
export function subset(dataset: Dataset, count: number): Dataset {
  if (!Number.isInteger(count) || count < 1 || count > dataset.length) {
    throw new OptionError(
      "count",
      count,
      `an integer from 1 to ${dataset.length}`,
    );
  }
  return {
    length: count,
    classNames: dataset.classNames,
    get(index) {
      _checkIndex(index, count);
      return dataset.get(index);
    },
  };
}

function _checkIndex(index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new OptionError(
      "index",
      index,
      `an integer from 0 to ${length - 1}`,
    );
  }
}
