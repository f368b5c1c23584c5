/**
 * Parts of data sets: subsets, and splits into what to train on and what to test on.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { requireSeed } from "../options.ts";
import { permutation, STREAMS } from "../random.ts";
import { checkIndex, type Dataset, labelsOf, makeDataset } from "./dataset.ts";

/** A part of a data set, seen as some of its samples. */
export interface View {
  /** The data set. */
  readonly base: Dataset;
  /** uint32: which of its samples; `undefined` if all. */
  readonly indices?: Uint32Array<ArrayBuffer>;
}

/** For each data set that {@linkcode subset} made, the data set that it is a part of, and which samples it has. */
const views = new WeakMap<Dataset, Required<View>>();

/**
 * Finds the data set that {@linkcode subset} was first called on, and which of its samples a part has. The search ends
 * early at a data set that `isBase` accepts.
 */
export function viewOf(
  dataset: Dataset,
  isBase: (dataset: Dataset) => boolean = () => false,
): View {
  let view: View = { base: dataset };
  while (!isBase(view.base)) {
    const above = views.get(view.base);
    if (above === undefined) break;
    const { base, indices } = above;
    view = { base, indices: view.indices?.map((i) => indices[i]) ?? indices };
  }
  return view;
}

/**
 * Some samples of a data set, like PyTorch's `Subset`.
 *
 * @param dataset The data set.
 * @param samples How many, from the first on, in [1, length]; or which, in the order to have them.
 * @returns A view of the data set.
 * @throws {OptionError} If there are not as many, or there is no such sample.
 */
export function subset(
  dataset: Dataset,
  samples: number | ArrayLike<number>,
): Dataset {
  const { length } = dataset;
  if (typeof samples === "number") {
    if (!Number.isInteger(samples) || samples < 1 || samples > length) {
      throw new OptionError("count", samples, `an integer from 1 to ${length}`);
    }
  } else if (typeof samples?.length === "number") {
    for (let i = 0; i < samples.length; i++) checkIndex(samples[i], length);
  } else {
    throw new OptionError("samples", samples, "how many, or a list of which");
  }
  const indices = typeof samples === "number"
    ? Uint32Array.from({ length: samples }, (_, i) => i)
    : Uint32Array.from(samples);
  const { labels, classNames } = dataset;
  const view = makeDataset({
    length: indices.length,
    classNames,
    labels: labels && Int32Array.from(indices, (i) => labels[i]),
    get: (index) => dataset.get(indices[index]),
  });
  views.set(view, { base: dataset, indices });
  return view;
}

/** How to split: names and defaults are those of scikit-learn's `train_test_split`, but `stratify` is a switch. */
export interface SplitOptions {
  /** Share of the samples to test on, in (0, 1), or how many. Default 0.25. */
  testSize?: number;
  /** Whether to choose at random; otherwise the last samples are to test on. Default true. */
  shuffle?: boolean;
  /** Whether every class has the same share in both parts, as nearly as can be; needs `shuffle`. Default false. */
  stratify?: boolean;
  /** Integer in [0, 2^32): the same seed, the same split. Default 0. */
  seed?: number;
}

/** A data set in two parts that share no sample. */
export interface Split {
  /** What to train on. */
  readonly train: Dataset;
  /** What to test on. */
  readonly test: Dataset;
}

/**
 * Splits a data set into what to train on and what to test or validate on.
 *
 * @example
 * ```ts
 * import { classCounts, loadFashionMnist, trainTestSplit } from "@x/alexnet/data";
 *
 * const { train: { dataset } } = await loadFashionMnist({ source: "sample" });
 * const { train, test } = trainTestSplit(dataset, { testSize: 0.1, stratify: true, seed: 1 });
 * console.log(classCounts(train), classCounts(test));
 * ```
 *
 * @param dataset The data set.
 * @param options How to split it.
 * @returns The two parts: views of the data set. A share is rounded up to a whole number to test on.
 * @throws {OptionError} If a part would be empty; or, stratified, if it would have fewer samples than there are classes, or
 * a class has a single sample.
 */
export function trainTestSplit(
  dataset: Dataset,
  options: SplitOptions = {},
): Split {
  const { testSize = 0.25, shuffle = true, stratify = false, seed = 0 } =
    options;
  const { length } = dataset;
  requireSeed(seed);
  const count = countTested(testSize, { length, option: "testSize" });
  if (stratify && !shuffle) {
    throw new OptionError("stratify", stratify, "false without shuffle");
  }
  const isTested = stratify
    ? chooseByClass(dataset, { count, seed })
    : choose(length, { count, seed, shuffle });
  const indices = Array.from(isTested, (_, i) => i);
  return {
    train: subset(dataset, indices.filter((i) => !isTested[i])),
    test: subset(dataset, indices.filter((i) => isTested[i])),
  };
}

/** Counts the samples to test on. `option` is what the caller calls the share or count, for errors. */
export function countTested(
  testSize: number,
  { length, option }: { length: number; option: string },
): number {
  const isShare = testSize > 0 && testSize < 1;
  const count = isShare ? Math.ceil(testSize * length) : testSize;
  if (!Number.isInteger(count) || count < 1 || count >= length) {
    throw new OptionError(
      option,
      testSize,
      `a share between 0 and 1 or an integer from 1 to ${
        length - 1
      }, so that both parts of the ${length} samples have some`,
    );
  }
  return count;
}

function choose(
  length: number,
  options: { count: number; seed: number; shuffle: boolean },
): Uint8Array {
  const { count, seed, shuffle } = options;
  const isTested = new Uint8Array(length);
  if (!shuffle) return isTested.fill(1, length - count);
  const order = permutation(length, { seed, stream: STREAMS.split });
  for (const i of order.subarray(0, count)) isTested[i] = 1;
  return isTested;
}

/** The first of each class in a random order: as many as its share of `count`. */
function chooseByClass(
  dataset: Dataset,
  { count, seed }: { count: number; seed: number },
): Uint8Array {
  const { length } = dataset;
  const labels = labelsOf(dataset);
  const order = permutation(length, { seed, stream: STREAMS.split });
  const members = Map.groupBy(order, (i) => labels[i]);
  for (const [label, { length: size }] of members) {
    if (size > 1) continue;
    throw new OptionError(
      "stratify",
      true,
      `false as class ${
        dataset.classNames[label]
      } has a single sample, which cannot be in both parts`,
    );
  }
  if (Math.min(count, length - count) < members.size) {
    throw new OptionError(
      "testSize",
      count,
      `an integer from ${members.size} to ${
        length - members.size
      }, so that each part has samples of ${members.size} classes`,
    );
  }
  // Largest remainders; every class keeps at least one sample in either part.
  const quotas = [...members].map(([label, { length: size }]) => {
    const share = count * size / length;
    const least = Math.min(Math.max(1, Math.floor(share)), size - 1);
    return { label, size, share, taken: least };
  }).toSorted((a, b) => a.label - b.label);
  let missing = count - quotas.reduce((sum, { taken }) => sum + taken, 0);
  while (missing !== 0) {
    const step = Math.sign(missing);
    const next = quotas
      .filter(({ taken, size }) =>
        taken + step >= 1 && taken + step <= size - 1
      )
      .toSorted((a, b) =>
        step * ((b.share - b.taken) - (a.share - a.taken))
      )[0];
    next.taken += step;
    missing -= step;
  }
  const isTested = new Uint8Array(length);
  for (const { label, taken } of quotas) {
    for (const i of members.get(label)!.slice(0, taken)) isTested[i] = 1;
  }
  return isTested;
}
