/** Tests of the order of samples. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { classBalancedSampler, epochOrder } from "../../src/data/sampler.ts";
import { subset } from "../../src/data/split.ts";
import { OptionError } from "../../src/errors.ts";
import { labelled, labelsOfSizes } from "./labelled.ts";

/** Samples of each class, one of which has none. */
const SIZES = [37, 1, 0, 11, 2, 5];
const LABELS = labelsOfSizes(SIZES);
const UNEVEN = labelled(LABELS);
/** Fewer than the classes, a few, as many as there are, and more. */
const COUNTS = [1, 3, 5, 13, undefined, 57, 200, 1001];

Deno.test("epochOrder() counts when it does not shuffle", () => {
  const order = epochOrder(4, { seed: 1, epoch: 2, shuffle: false });
  assertEquals([...order], [0, 1, 2, 3]);
});

Deno.test("epochOrder() visits every sample once", () => {
  const order = epochOrder(1000, { seed: 1, epoch: 0, shuffle: true });
  assertNotEquals([...order], [...order].sort((a, b) => a - b));
  assertEquals([...order.sort()], Array.from({ length: 1000 }, (_, i) => i));
});

Deno.test("epochOrder() depends on seed and epoch alone", () => {
  const order = (seed: number, epoch: number): number[] => [
    ...epochOrder(100, { seed, epoch, shuffle: true }),
  ];
  assertEquals(order(1, 0), order(1, 0));
  assertNotEquals(order(1, 0), order(2, 0));
  assertNotEquals(order(1, 0), order(1, 1));
});

Deno.test("classBalancedSampler() chooses as many samples as asked for, by default as many as there are", () => {
  for (const numSamples of COUNTS) {
    const sampler = classBalancedSampler(UNEVEN, { numSamples });
    const order = sampler.order({ seed: 1, epoch: 0 });
    assertEquals(sampler.length, numSamples ?? 56);
    assertEquals(order.length, numSamples ?? 56);
    assert(Array.from(order).every((i) => LABELS[i] !== undefined));
  }
});

Deno.test("classBalancedSampler() visits every class equally often but for one sample", () => {
  for (const numSamples of COUNTS) {
    for (let epoch = 0; epoch < 5; epoch++) {
      const counts = SIZES.map(() => 0);
      for (const i of _balanced({ numSamples, epoch })) counts[LABELS[i]]++;
      assertEquals(counts[2], 0);
      const present = counts.filter((_, label) => SIZES[label] > 0);
      const difference = Math.max(...present) - Math.min(...present);
      assert(difference <= 1, `${numSamples} samples: [${counts}]`);
    }
  }
});

Deno.test("classBalancedSampler() visits no sample of a class once more before all others of it", () => {
  for (const numSamples of COUNTS) {
    for (let epoch = 0; epoch < 5; epoch++) {
      const visits = LABELS.map(() => 0);
      for (const i of _balanced({ numSamples, epoch })) {
        const least = Math.min(
          ...visits.filter((_, k) => LABELS[k] === LABELS[i]),
        );
        assertEquals(visits[i], least, `${numSamples} samples: ${i}`);
        visits[i]++;
      }
    }
  }
});

Deno.test("classBalancedSampler() depends on seed and epoch alone", () => {
  const orders = [0, 1, 7].flatMap((seed) =>
    [0, 1, 2].map((epoch) => ({ seed, epoch }))
  );
  const first = orders.map((which) => _balanced(which).join());
  // The other way round, and by another sampler.
  const again = orders.toReversed().map((which) => _balanced(which).join());
  assertEquals(first, again.toReversed());
  assertEquals(new Set(first).size, 9);
});

Deno.test("classBalancedSampler() chooses other samples of a large class in each epoch", () => {
  const chosen = (epoch: number): string =>
    _balanced({ epoch }).filter((i) => LABELS[i] === 0).toSorted().join();
  assertEquals(new Set([0, 1, 2, 3].map(chosen)).size, 4);
});

Deno.test("classBalancedSampler() visits each sample of a class about as often over many epochs", () => {
  const visits = LABELS.map(() => 0);
  for (let epoch = 0; epoch < 500; epoch++) {
    for (const i of _balanced({ numSamples: 13, epoch })) visits[i]++;
  }
  for (const [label, size] of SIZES.entries()) {
    const expected = 500 * 13 / 5 / size;
    for (const n of visits.filter((_, i) => LABELS[i] === label)) {
      // Five standard deviations of the most random of choices.
      const most = 5 * Math.sqrt(expected);
      assert(Math.abs(n - expected) < most, `class ${label}: ${n}`);
    }
  }
});

Deno.test("classBalancedSampler() does not visit class after class", () => {
  const labels = _balanced({ numSamples: 200 }).map((i) => LABELS[i]);
  const changes = labels.filter((label, i) => i > 0 && label !== labels[i - 1]);
  // Of 199 in a random order 4 of 5 change: 159, standard deviation 5.6.
  assert(changes.length > 130 && changes.length < 188, `${changes.length}`);
});

Deno.test("classBalancedSampler() knows the samples of a part by their place in it", () => {
  const part = subset(
    UNEVEN,
    LABELS.flatMap((label, i) => label > 2 ? [i] : []),
  );
  const order = classBalancedSampler(part, { numSamples: 90 })
    .order({ seed: 0, epoch: 0 });
  const counts = new Map<number, number>();
  for (const i of Array.from(order)) {
    const { label } = part.get(i);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  assertEquals([...counts].toSorted(), [[3, 30], [4, 30], [5, 30]]);
});

Deno.test("classBalancedSampler() refuses counts that cannot be, and data sets of nothing", () => {
  for (const numSamples of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => classBalancedSampler(UNEVEN, { numSamples }),
      OptionError,
      "numSamples",
    );
  }
  for (const options of [{}, { numSamples: 3 }]) {
    assertThrows(
      () => classBalancedSampler(subset(UNEVEN, []), options),
      OptionError,
      "dataset.length",
    );
  }
});

function _balanced(
  { numSamples, seed = 1, epoch = 0 }: {
    numSamples?: number;
    seed?: number;
    epoch?: number;
  },
): number[] {
  const sampler = classBalancedSampler(UNEVEN, { numSamples });
  return Array.from(sampler.order({ seed, epoch }));
}
