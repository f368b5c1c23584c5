/**
 * Data sets whose images are all in memory, as bytes and of one size: those that the device can hold.
 *
 * @module
 */

import { OptionError, ShapeError } from "../errors.ts";
import { type Dataset, makeDataset } from "./dataset.ts";
import type { IdxArray } from "./idx.ts";

/** What {@linkcode arrayDataset} is made of. */
export interface ArrayDatasetOptions {
  /** uint8 `[count, height, width]` or `[count, height, width, channels]`. */
  images: IdxArray;
  /** uint8 `[count]`, each below the number of class names. */
  labels: IdxArray;
  /** What label 0, 1, ... means. */
  classNames: readonly string[];
}

/** Images side by side. */
export interface StoredImages {
  /** uint8 `[count, height, width, channels]`. */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const stored = new WeakMap<Dataset, StoredImages>();

/**
 * Looks up the images of a data set.
 *
 * @param dataset The data set.
 * @returns Its images, if {@linkcode arrayDataset} made it.
 */
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
  const { images, labels, classNames } = options;
  const [length, height, width, channels = 1] = images.shape;
  if (
    ![3, 4].includes(images.shape.length) || labels.shape.length !== 1
  ) {
    throw new ShapeError(
      `Cannot make a data set as images and labels must have shapes [count, height, width] (or [count, height, width, channels]) and [count]: got [${images.shape}] and [${labels.shape}]`,
    );
  }
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
  const numValues = height * width * channels;
  const dataset = makeDataset({
    length,
    classNames,
    labels: labels.data,
    get(index) {
      const first = index * numValues;
      const data = images.data.subarray(first, first + numValues);
      return {
        image: { data, height, width, channels, maxValue: 255 },
        label: labels.data[index],
      };
    },
  });
  stored.set(dataset, { data: images.data, height, width, channels });
  return dataset;
}
