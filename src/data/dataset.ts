/** Labelled images, which are got one at a time by index, and their labels. */

import { OptionError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import {
  type ImportOptions,
  load,
  makeOrigin,
  withOrigin,
  wrongExport,
} from "./modules.ts";

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

const found = new WeakMap<Dataset, ArrayLike<number>>();

/** The label of each sample of a data set. One without `labels` is asked for every sample, once. */
export function labelsOf(dataset: Dataset): ArrayLike<number> {
  let labels = dataset.labels ?? found.get(dataset);
  if (labels === undefined) {
    labels = Int32Array.from(
      { length: dataset.length },
      (_, i) => dataset.get(i).label,
    );
    found.set(dataset, labels);
  }
  return labels;
}

/** Groups indices of samples by class, in the order of the labels. */
export function byClass(
  dataset: Dataset,
  indices: Iterable<number>,
): { label: number; members: number[] }[] {
  const labels = labelsOf(dataset);
  return [...Map.groupBy(indices, (i) => labels[i])]
    .map(([label, members]) => ({ label, members }))
    .toSorted((a, b) => a.label - b.label);
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
  const labels = labelsOf(dataset);
  for (let i = 0; i < labels.length; i++) {
    checkLabel(labels[i], dataset.classNames, `labels[${i}]`);
    counts[labels[i]]++;
  }
  return counts;
}

/** Describes a data set in one line, for example "500 images in 2 classes: Bag 300, Coat 200". */
export function describeDataset(dataset: Dataset): string {
  const { length, classNames } = dataset;
  const counts = classCounts(dataset)
    .map((count, label) => `${classNames[label]} ${count}`).join(", ");
  const images = length === 1 ? "image" : "images";
  const classes = classNames.length === 1 ? "class" : "classes";
  return `${length} ${images} in ${classNames.length} ${classes}: ${counts}`;
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

/**
 * Imports a data set of your own, so that each worker imports it as well and gets samples by itself: for data sets whose `get`
 * takes time. The main thread gets the samples of other data sets, and sends them to the workers, which transform them.
 *
 * @example
 * ```ts ignore
 * // In my_data.ts: export function openScans(folder: string): Dataset { ... }
 * const url = new URL("./my_data.ts", import.meta.url);
 * const dataset = await importDataset(url, { name: "openScans", args: ["scans"] });
 * ```
 *
 * @param module Address of the module.
 * @param options Which export, and what to call it with to get the data set or a promise of it.
 * @returns The data set.
 * @throws {OptionError} If the module cannot be imported, or has no such data set, or `args` cannot be sent to a worker.
 */
export async function importDataset(
  module: string | URL,
  options: ImportOptions,
): Promise<Dataset> {
  const origin = makeOrigin({ ...options, module: String(module) });
  const dataset = await load(origin) as Dataset | undefined;
  if (typeof dataset?.get !== "function") {
    throw wrongExport(origin, "a data set");
  }
  return withOrigin(dataset, origin);
}

/** Throws an `OptionError` unless there is a sample of this index. */
export function checkIndex(index: number, length: number): void {
  requireInteger("index", index, { min: 0, max: length - 1 });
}

/** Copies indices, each of which must be that of a sample. */
export function checkIndices(
  indices: ArrayLike<number>,
  { length }: Dataset,
): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(indices, (index) => {
    checkIndex(index, length);
    return index;
  });
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
