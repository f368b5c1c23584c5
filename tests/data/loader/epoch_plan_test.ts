/**
 * Tests of what an epoch is made of.
 *
 * @module
 */

import {
  countBatches,
  type DataLoaderOptions,
} from "../../../src/data/loader/data_loader.ts";
import {
  type EpochPlanOptions,
  planEpoch,
} from "../../../src/data/loader/epoch_plan.ts";
import type { Sampler } from "../../../src/data/sampler.ts";
import { OptionError } from "../../../src/errors.ts";
import { labelled } from "../labelled.ts";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";

/** Chooses more samples than there are. */
const SAMPLER: Sampler = {
  length: 12,
  order: ({ seed, epoch }) => [3, 3, 0, 9, 3, 0, seed, epoch, 1, 1, 1, 9],
};

Deno.test("planEpoch() has each sample once, the last batch short", () => {
  const batches = _plan().map(({ indices }) => [...indices]);
  assertEquals(batches, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
  const shuffled = _plan({ shuffle: true }).flatMap(({ indices }) => [
    ...indices,
  ]);
  assertNotEquals(shuffled, batches.flat());
  assertEquals(shuffled.toSorted(), batches.flat());
});

Deno.test("planEpoch() leaves the last batch out with dropLast", () => {
  const plans = _plan({ dropLast: true });
  assertEquals(plans.map(({ indices }) => [...indices]), [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  assertEquals(_plan({ dropLast: true, batchSize: 5 }).length, 2);
  assertEquals(_plan({ dropLast: true, batchSize: 10 }).length, 1);
});

Deno.test("planEpoch() leaves out other samples in each epoch with dropLast and shuffle", () => {
  const visited = [0, 1, 2].map((epoch) =>
    _plan({ dropLast: true, shuffle: true, epoch })
      .flatMap(({ indices }) => [...indices]).toSorted().join()
  );
  assertEquals(new Set(visited).size, 3);
});

Deno.test("planEpoch() says which seed and epoch a batch is of", () => {
  for (const { seed, epoch, repeats } of _plan({ seed: 5, epoch: 7 })) {
    assertEquals([seed, epoch, repeats], [5, 7, undefined]);
  }
});

Deno.test("planEpoch() begins with a given batch, and changes none of the others", () => {
  for (const options of [{ shuffle: true }, { sampler: SAMPLER }]) {
    const all = _plan(options);
    for (const firstBatch of [0, 1, 2]) {
      const rest = _plan({ ...options, firstBatch });
      assertEquals(rest, all.slice(firstBatch));
    }
    assertEquals(_plan({ ...options, firstBatch: 3 }), []);
  }
});

Deno.test("planEpoch() has the samples that a sampler chooses, and counts repeats over the epoch", () => {
  const plans = _plan({ sampler: SAMPLER, seed: 4, epoch: 5, batchSize: 5 });
  assertEquals(plans.map(({ indices }) => [...indices]), [
    [3, 3, 0, 9, 3],
    [0, 4, 5, 1, 1],
    [1, 9],
  ]);
  assertEquals(plans.map(({ repeats }) => [...repeats ?? []]), [
    [0, 1, 0, 0, 2],
    [1, 0, 0, 0, 1],
    [2, 1],
  ]);
});

Deno.test("planEpoch() refuses a sampler that chooses a sample that there is not", () => {
  for (const index of [10, -1, 0.5, NaN]) {
    const sampler = { length: 2, order: () => [0, index] };
    assertThrows(() => _plan({ sampler }), OptionError, "from 0 to 9");
  }
});

Deno.test("planEpoch() refuses a sampler that chooses more or less than it says", () => {
  for (const length of [1, 3]) {
    const sampler = { length, order: () => [0, 1] };
    assertThrows(
      () => _plan({ sampler, epoch: 4 }),
      OptionError,
      `the 2 samples that its order() chose for epoch 4: current value is ${length}`,
    );
  }
});

Deno.test("countBatches() counts the samples that an epoch visits", () => {
  const dataset = labelled([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const count = (options: Partial<DataLoaderOptions>): number[] => {
    const counts = countBatches(dataset, { batchSize: 4, ...options });
    return [counts.numBatches, counts.numSamples];
  };
  assertEquals(count({}), [3, 10]);
  assertEquals(count({ dropLast: true }), [2, 8]);
  assertEquals(count({ batchSize: 5, dropLast: true }), [2, 10]);
  assertEquals(count({ batchSize: 11 }), [1, 10]);
  assertEquals(count({ sampler: SAMPLER, batchSize: 5 }), [3, 12]);
  assertEquals(count({ sampler: SAMPLER, batchSize: 5, dropLast: true }), [
    2,
    10,
  ]);
  for (const length of [0, -1, 1.5, NaN, undefined as unknown as number]) {
    assertThrows(
      () => count({ sampler: { length, order: () => [] } }),
      OptionError,
      "sampler.length",
    );
  }
  assertThrows(
    () => count({ batchSize: 11, dropLast: true }),
    OptionError,
    "at most 10",
  );
  assertThrows(
    () => count({ sampler: SAMPLER, shuffle: true }),
    OptionError,
    "left out when sampler is given",
  );
});

function _plan(
  options: Partial<EpochPlanOptions & DataLoaderOptions> = {},
): ReturnType<typeof planEpoch> {
  const asked = { batchSize: 4, ...options };
  const dataset = labelled(Array.from({ length: 10 }, () => 0));
  return planEpoch({
    length: 10,
    seed: 0,
    epoch: 0,
    firstBatch: 0,
    shuffle: false,
    ...asked,
    numBatches: countBatches(dataset, asked).numBatches,
  });
}
