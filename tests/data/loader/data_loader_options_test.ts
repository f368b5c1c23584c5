/** Tests of what a loader is told: which samples, how many batches, where to begin. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import {
  DataLoader,
  type DataLoaderOptions,
} from "../../../src/data/loader/data_loader.ts";
import { classCounts } from "../../../src/data/dataset.ts";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import type { Sampler } from "../../../src/data/sampler.ts";
import {
  compose,
  randomCrop,
  type Transform,
} from "../../../src/data/transforms/mod.ts";
import { OptionError } from "../../../src/errors.ts";

/** Ten images of one pixel; the pixel and the label of each are its index. */
const TEN = arrayDataset({
  images: {
    shape: [10, 1, 1],
    data: Uint8Array.from({ length: 10 }, (_, i) => i),
  },
  labels: { shape: [10], data: Uint8Array.from({ length: 10 }, (_, i) => i) },
  classNames: "abcdefghij".split(""),
});

function makeLoader(options: Partial<DataLoaderOptions>): DataLoader {
  return new DataLoader(TEN, { batchSize: 4, workers: 0, ...options });
}

async function labelsOf(
  loader: DataLoader,
  which?: { epoch?: number; firstBatch?: number },
): Promise<number[][]> {
  const batches = await Array.fromAsync(loader.arrays(which));
  return batches.map(({ labels }) => [...labels]);
}

Deno.test("dropLast leaves out the last batch if it is shorter", async () => {
  const loader = makeLoader({ dropLast: true });
  assertEquals([loader.numBatches, loader.numSamples], [2, 8]);
  assertEquals(await labelsOf(loader), [[0, 1, 2, 3], [4, 5, 6, 7]]);
  for (const batchSize of [5, 10]) {
    const { numBatches } = makeLoader({ dropLast: true, batchSize });
    assertEquals(numBatches, 10 / batchSize);
  }
  assertThrows(
    () => makeLoader({ dropLast: true, batchSize: 11 }),
    OptionError,
    "at most 10",
  );
});

Deno.test("dropLast leaves out other samples in each epoch with shuffle", async () => {
  const loader = makeLoader({ dropLast: true, shuffle: true });
  const visited = new Set<string>();
  for (let epoch = 0; epoch < 3; epoch++) {
    visited.add((await labelsOf(loader)).flat().toSorted().join());
  }
  assertEquals(visited.size, 3);
});

/** Chooses more samples than there are. */
const SAMPLER: Sampler = {
  length: 12,
  order: ({ seed, epoch }) => [3, 3, 0, 9, 3, 0, seed, epoch, 1, 1, 1, 9],
};

Deno.test("sampler chooses the samples of each epoch", async () => {
  const loader = makeLoader({ sampler: SAMPLER, seed: 7, batchSize: 5 });
  assertEquals([loader.numBatches, loader.numSamples], [3, 12]);
  for (const epoch of [0, 1]) {
    const labels = [[3, 3, 0, 9, 3], [0, 7, epoch, 1, 1], [1, 9]];
    assertEquals(await labelsOf(loader), labels);
  }
  const { numBatches, numSamples } = makeLoader({
    sampler: SAMPLER,
    dropLast: true,
    batchSize: 5,
  });
  assertEquals([numBatches, numSamples], [2, 10]);
  assertThrows(
    () => makeLoader({ sampler: SAMPLER, shuffle: true }),
    OptionError,
    "left out when sampler is given",
  );
});

Deno.test("sampler must choose samples that there are, and as many as it says", () => {
  for (const index of [10, -1, 0.5, NaN]) {
    const sampler = { length: 2, order: () => [0, index] };
    const loader = makeLoader({ sampler });
    assertThrows(() => loader.arrays(), OptionError, "from 0 to 9");
  }
  for (const length of [1, 3]) {
    const loader = makeLoader({ sampler: { length, order: () => [0, 1] } });
    assertThrows(
      () => loader.arrays({ epoch: 4 }),
      OptionError,
      `the 2 samples that its order() chose for epoch 4: current value is ${length}`,
    );
  }
  for (const length of [0, -1, 1.5, NaN, undefined as unknown as number]) {
    const sampler = { length, order: () => [] };
    assertThrows(() => makeLoader({ sampler }), OptionError, "sampler.length");
  }
});

Deno.test("arrays() makes the same batches wherever it begins, though samples come again", async () => {
  const transform: Transform = (image, random) => ({
    ...image,
    data: Float32Array.of(random!()),
  });
  for (const options of [{ shuffle: true }, { sampler: SAMPLER }]) {
    const loader = makeLoader({ ...options, transform });
    const all = await Array.fromAsync(loader.arrays({ epoch: 5 }));
    const values = all.flatMap(({ images }) => [...images]);
    assertEquals(new Set(values).size, values.length);
    for (const firstBatch of [1, 2]) {
      const rest = loader.arrays({ epoch: 5, firstBatch });
      assertEquals(await Array.fromAsync(rest), all.slice(firstBatch));
    }
  }
});

Deno.test("arrays() begins at any batch of any epoch, and goes on with the next epoch", async () => {
  const loader = makeLoader({ shuffle: true, seed: 1 });
  const epochs = [await labelsOf(loader), await labelsOf(loader)];
  assertEquals(await labelsOf(loader, { epoch: 0 }), epochs[0]);
  assertEquals(await labelsOf(loader), epochs[1]);
  assertEquals(
    await labelsOf(loader, { epoch: 1, firstBatch: 2 }),
    epochs[1].slice(2),
  );
  for (const firstBatch of [-1, 3, 0.5]) {
    assertThrows(
      () => loader.arrays({ firstBatch }),
      OptionError,
      "firstBatch",
    );
  }
});

Deno.test("DataLoader refuses other options that cannot be", () => {
  for (const prefetchFactor of [0, 1.5]) {
    assertThrows(() => makeLoader({ prefetchFactor }), OptionError, "prefetch");
  }
  assertThrows(
    () => makeLoader({ path: "gpu" as "device" }),
    OptionError,
    '"auto", "device" or "host"',
  );
});

Deno.test("loadFashionMnist() splits off images to validate on, of every class alike", async () => {
  const { train, validation, test } = await loadFashionMnist({
    source: "sample",
    validationSplit: 0.1,
    seed: 3,
  });
  assertEquals([train.numSamples, validation!.numSamples], [1800, 200]);
  assertEquals(test.numSamples, 500);
  const [most, least] = [train, validation!].map(({ dataset }) =>
    classCounts(dataset)
  );
  most.forEach((count, label) => {
    const share = least[label] / (count + least[label]);
    assert(Math.abs(share - 0.1) < 0.01, `${label}: ${share}`);
  });
  const { validation: none } = await loadFashionMnist({ source: "sample" });
  assertEquals(none, undefined);
});

Deno.test("loadFashionMnist() augments train images only", async () => {
  const shift = randomCrop(28, { padding: 28 });
  const { train, validation, test } = await loadFashionMnist({
    source: "sample",
    augment: compose([shift]),
    validationSplit: 10,
    workers: 0,
  });
  const differs = (loader: DataLoader) => {
    const [one, two] = [1, 2].map((epoch) => loader.loadBatch([0], { epoch }));
    return one.images.join() !== two.images.join();
  };
  assertEquals([train, validation!, test].map(differs), [true, false, false]);
  assertEquals(
    [train, test].map((loader) => loader.summary().transforms.length),
    [2, 1],
  );
});
