/** Parts of data sets: subsets, and splits into what to train on and what to test on. */

import { OptionError } from "../errors.ts";
import { requireInteger, requireSeed } from "../options.ts";
import { permutation, STREAMS } from "../random.ts";
import { byClass, checkIndices, type Dataset, makeDataset } from "./dataset.ts";

/** For each data set that {@linkcode subset} made: the data set that it was made from, and which samples of that it has. */
const parts = new WeakMap<
  Dataset,
  { above: Dataset; indices: Uint32Array<ArrayBuffer> }
>();

/** Follows a part to the data set that {@linkcode subset} was first called on, or to one on the way that `isWhole` accepts. */
export function wholeOf(
  dataset: Dataset,
  isWhole: (dataset: Dataset) => boolean = () => false,
): {
  whole: Dataset;
  /** Turns indices of the part into indices of the whole. */
  locate: (indices: Uint32Array<ArrayBuffer>) => Uint32Array<ArrayBuffer>;
} {
  const part = isWhole(dataset) ? undefined : parts.get(dataset);
  if (part === undefined) return { whole: dataset, locate: (same) => same };
  const { whole, locate } = wholeOf(part.above, isWhole);
  const indices = locate(part.indices);
  return { whole, locate: (own) => own.map((i) => indices[i]) };
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
  if (typeof samples === "number") {
    requireInteger("count", samples, { max: dataset.length });
  } else if (typeof samples?.length !== "number") {
    throw new OptionError("samples", samples, "how many, or a list of which");
  }
  const indices = typeof samples === "number"
    ? Uint32Array.from({ length: samples }, (_, i) => i)
    : checkIndices(samples, dataset);
  const { labels, classNames } = dataset;
  const part = makeDataset({
    length: indices.length,
    classNames,
    labels: labels && Int32Array.from(indices, (i) => labels[i]),
    get: (index) => dataset.get(indices[index]),
  });
  parts.set(part, { above: dataset, indices });
  return part;
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
  const { testSize = 0.25, shuffle = true, stratify = false } = options;
  const seed = requireSeed(options.seed ?? 0);
  const { length } = dataset;
  const count = countTested(testSize, { length, option: "testSize" });
  if (stratify && !shuffle) {
    throw new OptionError("stratify", stratify, "false without shuffle");
  }
  const indices = Array.from({ length }, (_, i) => i);
  const order = shuffle
    ? permutation(length, { seed, stream: STREAMS.split })
    : Uint32Array.from(indices).reverse();
  const tested = new Set<number>(
    stratify
      ? chooseByClass(dataset, { order, count })
      : order.subarray(0, count),
  );
  return {
    train: subset(dataset, indices.filter((i) => !tested.has(i))),
    test: subset(dataset, indices.filter((i) => tested.has(i))),
  };
}

/** Counts the samples to test on. `option` is what the caller calls the share or count, for errors. */
export function countTested(
  testSize: number,
  { length, option }: { length: number; option: string },
): number {
  const isShare = testSize > 0 && testSize < 1;
  const count = isShare ? Math.ceil(testSize * length) : testSize;
  const most = length - 1;
  if (!Number.isInteger(count) || count < 1 || count > most) {
    throw new OptionError(
      option,
      testSize,
      `a share between 0 and 1 or an integer from 1 to ${most}, so that both parts of the ${length} samples have some`,
    );
  }
  return count;
}

/** Chooses the first samples of each class in an order, as many as its share of `count`. */
function chooseByClass(
  dataset: Dataset,
  { order, count }: { order: Uint32Array; count: number },
): number[] {
  const { length } = dataset;
  const classes = byClass(dataset, order);
  const single = classes.find(({ members }) => members.length === 1);
  if (single !== undefined) {
    const name = dataset.classNames[single.label];
    throw new OptionError(
      "stratify",
      true,
      `false as class ${name} has a single sample, which cannot be in both parts`,
    );
  }
  const least = classes.length;
  const most = length - least;
  if (Math.min(count, length - count) < least) {
    throw new OptionError(
      "testSize",
      count,
      `an integer from ${least} to ${most}, so that each part has samples of ${least} classes`,
    );
  }
  // Largest remainders; every class keeps at least one sample in either part.
  const quotas = classes.map(({ members }) => {
    const share = count * members.length / length;
    const limit = members.length - 1;
    const taken = Math.min(Math.max(1, Math.floor(share)), limit);
    return { members, share, limit, taken };
  });
  let missing = count - quotas.reduce((sum, { taken }) => sum + taken, 0);
  while (missing !== 0) {
    const by = Math.sign(missing);
    const [next] = quotas
      .filter(({ taken, limit }) => taken + by >= 1 && taken + by <= limit)
      .toSorted((a, b) => by * ((b.share - b.taken) - (a.share - a.taken)));
    next.taken += by;
    missing -= by;
  }
  return quotas.flatMap(({ members, taken }) => members.slice(0, taken));
}
