/** Fashion-MNIST, ready to iterate over. */

import { DataError, OptionError } from "../../errors.ts";
import { requireInteger } from "../../options.ts";
import { reasonOf } from "../../reason.ts";
import { arrayDataset } from "../array_dataset.ts";
import type { Dataset } from "../dataset.ts";
import { type IdxArray, parseIdx } from "../idx.ts";
import { DataLoader, type DataLoaderOptions } from "../loader/data_loader.ts";
import { countTested, subset, trainTestSplit } from "../split.ts";
import {
  compose,
  resize,
  type Size,
  toTensor,
  type Transform,
} from "../transforms/mod.ts";
import {
  checkFileOptions,
  ensureFashionMnist,
  type FileOptions,
  readVerified,
} from "./files.ts";
import { type FileEntry, inspect, MANIFEST } from "./manifest.ts";

/** Number of train and test images of each source. */
export const COUNTS = {
  full: { train: 60_000, test: 10_000 },
  sample: { train: 2_000, test: 500 },
};

/** How to load Fashion-MNIST. */
export interface FashionMnistOptions extends
  FileOptions,
  Pick<
    DataLoaderOptions,
    "dropLast" | "workers" | "prefetchFactor" | "path" | "signal"
  > {
  /** Samples per batch. Default 128. */
  batchSize?: number;
  /** Size to resize the 28x28 images to. Default: as they are. */
  resize?: Size;
  /** Replaces the default transform, which resizes if asked to and scales to [0, 1]. */
  transforms?: Transform;
  /** What is done to train images first, before the default transform or `transforms`. Default: nothing. */
  augment?: Transform;
  /** Whether each epoch of the train images has a random order. Default true. */
  shuffle?: boolean;
  /** Integer in [0, 2^32): the same seed, the same orders. Default 0. */
  seed?: number;
  /** Use only so many train images, from the first on. */
  trainSamples?: number;
  /** Use only so many test images, from the first on. */
  testSamples?: number;
  /**
   * Share of the train images, in (0, 1), or how many of them, to validate on and not to train on; every class has the same
   * share. Default: none.
   */
  validationSplit?: number;
  /**
   * `"full"`: 60,000 train and 10,000 test images, found on this machine or downloaded. `"sample"`: the first 2,000 and
   * 500 of them, which come with this package; options about files do not apply. Default `"full"`.
   */
  source?: "full" | "sample";
}

/** Fashion-MNIST in batches. */
export interface FashionMnist {
  /** Train images. */
  train: DataLoader;
  /** Train images that are not trained on, always in the same order, if `validationSplit` was given. */
  validation?: DataLoader;
  /** Test images, always in the same order. */
  test: DataLoader;
  /** What label 0 to 9 means. */
  classNames: readonly string[];
}

/**
 * Loads Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): grey 28x28 images of ten kinds of clothing.
 *
 * All options are checked before anything is read, except whether a validation split has every class: that needs the labels.
 * All files are checked before anything is used.
 *
 * @param options How to load it.
 * @returns Loaders of batches: float32 images `[batch, height, width, 1]` in [0, 1], int32 labels `[batch]`.
 * @throws {OptionError} If an option has a value that it must not have.
 * @throws {DataError} If a file is missing, damaged or cannot be downloaded.
 */
export async function loadFashionMnist(
  options: FashionMnistOptions = {},
): Promise<FashionMnist> {
  const { source = "full", validationSplit, seed } = options;
  const { batchSize = 128, shuffle = true } = options;
  if (source !== "full" && source !== "sample") {
    throw new OptionError("source", source, '"full" or "sample"');
  }
  const counts = COUNTS[source];
  const { trainSamples = counts.train, testSamples = counts.test } = options;
  requireInteger("trainSamples", trainSamples, { max: counts.train });
  requireInteger("testSamples", testSamples, { max: counts.test });
  checkFileOptions(options);
  const transform = fashionMnistTransform(options);
  const toTrain = { ...options, batchSize, shuffle, transform };
  const inOrder = {
    ...options,
    batchSize,
    shuffle: false,
    dropLast: false,
    transform: transformOf(options),
  };
  const { classNames } = MANIFEST;
  const size = { length: trainSamples, option: "validationSplit" };
  const numValidated = validationSplit === undefined
    ? 0
    : countTested(validationSplit, size);
  const unread: Dataset = {
    length: trainSamples - numValidated,
    classNames,
    get: () => {
      throw new Error("No file has been read yet");
    },
  };
  // Refuses what the loader of the train images would refuse, before anything is read.
  new DataLoader(unread, toTrain);

  const [trainImages, trainLabels, testImages, testLabels] = source === "full"
    ? await readFull(options)
    : await readSample();
  const train = subset(
    arrayDataset({ images: trainImages, labels: trainLabels, classNames }),
    trainSamples,
  );
  const test = subset(
    arrayDataset({ images: testImages, labels: testLabels, classNames }),
    testSamples,
  );
  const split = numValidated > 0
    ? trainTestSplit(train, { testSize: numValidated, stratify: true, seed })
    : undefined;
  return {
    train: new DataLoader(split?.train ?? train, toTrain),
    validation: split && new DataLoader(split.test, inOrder),
    test: new DataLoader(test, inOrder),
    classNames,
  };
}

/** The transform of the train images: `augment`, if it is given, and then that of the test images. */
export function fashionMnistTransform(
  options: Pick<FashionMnistOptions, "resize" | "transforms" | "augment">,
): Transform {
  const { augment } = options;
  const transform = transformOf(options);
  return augment ? compose([augment, transform]) : transform;
}

function transformOf(
  options: Pick<FashionMnistOptions, "resize" | "transforms">,
): Transform {
  const { transforms } = options;
  if (options.resize === undefined) return transforms ?? toTensor();
  if (transforms !== undefined) {
    throw new OptionError(
      "resize",
      options.resize,
      "left out when transforms is given (put resize() among the transforms)",
    );
  }
  return compose([resize(options.resize), toTensor()]);
}

async function readFull(options: FileOptions): Promise<IdxArray[]> {
  const files = await ensureFashionMnist(options);
  return await Promise.all(
    files.map(async (file) =>
      parse(await readVerified(file, options), file, file.path)
    ),
  );
}

function readSample(): Promise<IdxArray[]> {
  return Promise.all(
    MANIFEST.sample.files.map(async (entry) => {
      const { href } = new URL(
        `../../../data/sample/${entry.name}.gz`,
        import.meta.url,
      );
      const result = await inspect(await fetchBytes(href), entry);
      if (result.ok) return parse(result.content, entry, href);
      throw new DataError(
        href,
        `Cannot use ${href} as it is damaged: ${result.difference}: install the package again`,
      );
    }),
  );
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const reason = reasonOf(error);
    throw new DataError(
      url,
      `Cannot read ${url} (${reason}): install the package again, or use source "full"`,
    );
  }
}

/** The digit in a name such as train-images-idx3-ubyte is the rank. */
function parse(bytes: Uint8Array, entry: FileEntry, path: string): IdxArray {
  const rank = entry.name.includes("-idx3-") ? 3 : 1;
  return parseIdx(bytes, { path, rank });
}
