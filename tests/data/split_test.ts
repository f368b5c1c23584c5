/** Tests of parts of data sets. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { classCounts, type Dataset, labelsOf } from "../../src/data/dataset.ts";
import {
  type Split,
  type SplitOptions,
  subset,
  trainTestSplit,
  wholeOf,
} from "../../src/data/split.ts";
import { OptionError } from "../../src/errors.ts";
import { indicesIn, labelled, labelsOfSizes } from "./labelled.ts";

const TEN = labelled([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);

Deno.test("subset() has given samples in the given order, as often as given", () => {
  const part = subset(TEN, [7, 2, 2, 9]);
  assertEquals(indicesIn(part), [7, 2, 2, 9]);
  assertEquals(Array.from(labelsOf(part)), [1, 2, 2, 0]);
  assertEquals(part.get(3).label, 0);
  assertEquals(classCounts(part), [1, 1, 2]);
  assertEquals(part.classNames, TEN.classNames);
  assertThrows(() => part.get(4), OptionError, "from 0 to 3");
});

Deno.test("subset() of a subset is a view of the whole", () => {
  const part = subset(subset(subset(TEN, [9, 8, 7, 6, 5]), [4, 1, 0]), 2);
  assertEquals(indicesIn(part), [5, 8]);
  assertEquals(Array.from(labelsOf(part)), [2, 2]);
  const { whole, locate } = wholeOf(part);
  assert(whole === TEN);
  assertEquals(locate(Uint32Array.of(1, 0, 1)), Uint32Array.of(8, 5, 8));
});

Deno.test("subset() does not notice later changes of the indices", () => {
  const indices = [1, 2];
  const part = subset(TEN, indices);
  indices[0] = 9;
  assertEquals(indicesIn(part), [1, 2]);
});

Deno.test("subset() refuses samples that there are not", () => {
  for (const index of [10, -1, 0.5, NaN]) {
    assertThrows(() => subset(TEN, [0, index]), OptionError, "from 0 to 9");
  }
  assertThrows(() => subset(subset(TEN, 3), [3]), OptionError, "from 0 to 2");
});

Deno.test("subset() gets no sample to know labels that are not known", () => {
  const part = subset(labelled([0, 1, 2], { isKnown: false }), [2, 0]);
  assertEquals(part.labels, undefined);
  assertEquals(Array.from(labelsOf(part)), [2, 0]);
});

Deno.test("subset() refuses what is neither a number nor a list", () => {
  for (const samples of [undefined, null, {}] as unknown as number[]) {
    const error = assertThrows(() => subset(TEN, samples), OptionError);
    assertEquals(error.option, "samples");
  }
});

Deno.test("wholeOf() is the data set itself when it is no part", () => {
  const { whole, locate } = wholeOf(TEN);
  assert(whole === TEN);
  assertEquals(locate(Uint32Array.of(7, 2)), Uint32Array.of(7, 2));
});

Deno.test("trainTestSplit() shares no sample and leaves none out", () => {
  for (const length of [2, 3, 10, 101]) {
    const dataset = labelled(Array.from({ length }, (_, i) => i % 2));
    for (const options of [{}, { shuffle: false }, { testSize: 1 }]) {
      _checkParts(trainTestSplit(dataset, options), dataset);
    }
  }
});

Deno.test("trainTestSplit() rounds a share up, as scikit-learn does", () => {
  const sizes = (options: SplitOptions): number[] => {
    const { train, test } = trainTestSplit(TEN, options);
    return [train.length, test.length];
  };
  assertEquals(sizes({}), [7, 3]);
  assertEquals(sizes({ testSize: 0.01 }), [9, 1]);
  assertEquals(sizes({ testSize: 0.3 }), [7, 3]);
  assertEquals(sizes({ testSize: 0.31 }), [6, 4]);
  assertEquals(sizes({ testSize: 0.9 }), [1, 9]);
  assertEquals(sizes({ testSize: 9 }), [1, 9]);
});

Deno.test("trainTestSplit() tests on the last samples when it does not shuffle", () => {
  const { train, test } = trainTestSplit(TEN, { shuffle: false, testSize: 3 });
  assertEquals(indicesIn(train), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals(indicesIn(test), [7, 8, 9]);
});

for (const stratify of [false, true]) {
  Deno.test(`trainTestSplit() depends on the seed alone, stratify ${stratify}`, () => {
    const dataset = labelled(labelsOfSizes([40, 40, 20]));
    const tested = (seed: number): string =>
      indicesIn(trainTestSplit(dataset, { stratify, seed }).test).join();
    const seeds = [0, 1, 2, 2 ** 32 - 1];
    assertEquals(seeds.map(tested), seeds.map(tested));
    assertEquals(new Set(seeds.map(tested)).size, 4);
    const byDefault = trainTestSplit(dataset, { stratify });
    assertEquals(indicesIn(byDefault.test).join(), tested(0));
  });

  Deno.test(`trainTestSplit() tests on each sample about as often, stratify ${stratify}`, () => {
    const dataset = labelled(labelsOfSizes([24, 12, 4]));
    const counts = new Uint32Array(40);
    for (let seed = 0; seed < 1000; seed++) {
      const options = { stratify, seed, testSize: 0.25 };
      for (const i of indicesIn(trainTestSplit(dataset, options).test)) {
        counts[i]++;
      }
    }
    // Mean 250, standard deviation 13.7.
    assert(counts.every((n) => n > 180 && n < 320), counts.join());
  });
}

Deno.test("trainTestSplit() of a part is of its samples only", () => {
  const part = subset(TEN, [0, 2, 4, 6, 8, 9]);
  const { train, test } = trainTestSplit(part, { testSize: 2 });
  const all = [...indicesIn(train), ...indicesIn(test)].toSorted();
  assertEquals(all, [0, 2, 4, 6, 8, 9]);
  assert(wholeOf(train).whole === TEN);
});

Deno.test("trainTestSplit() gives each part its share of every class, exactly where it can", () => {
  const dataset = labelled(labelsOfSizes([60, 30, 10]));
  const options = { stratify: true, testSize: 0.2 };
  const { train, test } = trainTestSplit(dataset, options);
  assertEquals(classCounts(test), [12, 6, 2]);
  assertEquals(classCounts(train), [48, 24, 8]);
});

Deno.test("trainTestSplit() gives each part its share of every class as nearly as can be", () => {
  const distributions = [
    ...[[2, 2], [2, 3], [3, 3, 3], [2, 2, 2, 2], [5, 2], [4, 7, 2], [9, 2, 3]],
    ...[[20, 2, 2], [100, 2], [13, 17, 19], [50, 0, 5], [2, 2, 2, 2, 2, 30]],
  ];
  let numSplits = 0;
  for (const sizes of distributions) {
    const dataset = labelled(labelsOfSizes(sizes));
    const { length } = dataset;
    const numClasses = sizes.filter((n) => n > 0).length;
    for (let count = numClasses; count <= length - numClasses; count++) {
      const options = { stratify: true, testSize: count, seed: count };
      const split = trainTestSplit(dataset, options);
      _checkParts(split, dataset);
      _checkShares(classCounts(split.test), sizes, count);
      numSplits++;
    }
  }
  assert(numSplits > 250, `${numSplits}`);
});

Deno.test("trainTestSplit() asks for labels that are not known", () => {
  const dataset = labelled(labelsOfSizes([6, 3]), { isKnown: false });
  const { test } = trainTestSplit(dataset, { stratify: true, testSize: 3 });
  assertEquals(classCounts(test), [2, 1]);
});

Deno.test("trainTestSplit() refuses sizes that leave a part empty", () => {
  for (const testSize of [0, -1, 1.5, 10, 11, 0.95, NaN, Infinity]) {
    assertThrows(
      () => trainTestSplit(TEN, { testSize }),
      OptionError,
      "integer from 1 to 9",
    );
  }
});

Deno.test("trainTestSplit() refuses what cannot be stratified", () => {
  const refused = (sizes: number[], options: SplitOptions, text: string) =>
    assertThrows(
      () =>
        trainTestSplit(labelled(labelsOfSizes(sizes)), {
          stratify: true,
          ...options,
        }),
      OptionError,
      text,
    );
  refused([5, 1], {}, "class 1 has a single sample");
  refused([5, 5, 5], { testSize: 2 }, "from 3 to 12");
  refused([5, 5, 5], { testSize: 13 }, "from 3 to 12");
  refused([5, 5], { shuffle: false }, "false without shuffle");
  refused([5, 5], { seed: -1 }, "seed");
});

/** That the parts share no sample, leave none out, and know their labels. */
function _checkParts({ train, test }: Split, dataset: Dataset): void {
  const all = [...indicesIn(train), ...indicesIn(test)];
  assertEquals(all.length, dataset.length);
  assertEquals(new Set(all).size, dataset.length);
  for (const part of [train, test]) {
    assert(part.length > 0);
    const labels = indicesIn(part).map((i) => dataset.labels![i]);
    assertEquals(Array.from(labelsOf(part)), labels);
  }
}

/** That no sample could be moved from one class to another and the shares be nearer. */
function _checkShares(counts: number[], sizes: number[], count: number): void {
  const length = sizes.reduce((sum, n) => sum + n);
  const what = `${count} of [${sizes}]: [${counts}]`;
  const isPossible = (n: number, k: number): boolean =>
    n >= 1 && n <= sizes[k] - 1;
  const off = (n: number, k: number): number =>
    (n - count * sizes[k] / length) ** 2;
  for (const [k, n] of counts.entries()) {
    assert(sizes[k] === 0 ? n === 0 : isPossible(n, k), what);
  }
  for (const [i, a] of counts.entries()) {
    for (const [j, b] of counts.entries()) {
      if (i === j || !isPossible(a + 1, i) || !isPossible(b - 1, j)) continue;
      const gain = off(a, i) + off(b, j) - off(a + 1, i) - off(b - 1, j);
      assert(gain < 1e-9, what);
    }
  }
}
