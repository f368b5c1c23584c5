/**
 * Labelled images that are had one at a time, by index.
 *
 * @module
 */

import { OptionError } from "../errors.ts";

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
  /** `[length]`: the label of each sample, if they are known without getting the samples. */
  readonly labels?: ArrayLike<number>;
  /**
   * Gets one sample.
   *
   * @param index Which, in [0, length).
   * @returns The sample.
   * @throws {OptionError} If there is no such sample.
   */
  get(index: number): Sample;
}

const labels = new WeakMap<Dataset, ArrayLike<number>>();

/** The label of each sample of a data set. One without `labels` is asked for every sample, once. */
export function labelsOf(dataset: Dataset): ArrayLike<number> {
  let known = dataset.labels ?? labels.get(dataset);
  if (known === undefined) {
    known = Int32Array.from(
      { length: dataset.length },
      (_, i) => dataset.get(i).label,
    );
    labels.set(dataset, known);
  }
  return known;
}

/**
 * Counts the samples of each class.
 *
 * @param dataset The data set.
 * @returns A count per class name.
 * @throws {OptionError} If a label has no class name.
 */
export function classCounts(dataset: Dataset): number[] {
  const counts = dataset.classNames.map(() => 0);
  const all = labelsOf(dataset);
  for (let i = 0; i < all.length; i++) {
    checkLabel(all[i], dataset.classNames, `labels[${i}]`);
    counts[all[i]]++;
  }
  return counts;
}

/**
 * Describes a data set in one line. The data sets of this package print it: try `console.log(dataset)`.
 *
 * @param dataset The data set.
 * @returns For example "500 images in 2 classes: Bag 300, Coat 200".
 */
export function describeDataset(dataset: Dataset): string {
  const { length, classNames } = dataset;
  const counts = classCounts(dataset).map((count, label) =>
    `${classNames[label]} ${count}`
  );
  const images = length === 1 ? "image" : "images";
  const classes = classNames.length === 1 ? "class" : "classes";
  return `${length} ${images} in ${classNames.length} ${classes}: ${
    counts.join(", ")
  }`;
}

/** Makes a data set that checks indices and prints its class counts. */
export function makeDataset(parts: Dataset): Dataset {
  const dataset: Dataset = {
    ...parts,
    get(index) {
      checkIndex(index, parts.length);
      return parts.get(index);
    },
  };
  const print = { value: () => describeDataset(dataset) };
  return Object.defineProperties(dataset, {
    toString: print,
    [Symbol.for("Deno.customInspect")]: print,
  });
}

/** Throws an `OptionError` unless there is a sample of this index. */
export function checkIndex(index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new OptionError(
      "index",
      index,
      `an integer from 0 to ${length - 1}`,
    );
  }
}

/** Throws an `OptionError` unless a label has a class name. `option` is what the error calls the label. */
export function checkLabel(
  label: number,
  { length }: readonly string[],
  option = "label",
): void {
  if (Number.isInteger(label) && label >= 0 && label < length) return;
  throw new OptionError(
    option,
    label,
    `an integer from 0 to ${length - 1}, one of the class names`,
  );
}
