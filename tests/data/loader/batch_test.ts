/** Tests of parts of batches: put together, they are the whole batch. */

import { divide } from "../../../src/data/loader/batch.ts";
import { tf } from "../../../src/device/tf.ts";
import {
  DataLoader,
  type DataLoaderOptions,
} from "../../../src/data/loader/data_loader.ts";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import { classBalancedSampler } from "../../../src/data/sampler.ts";
import {
  compose,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  toTensor,
} from "../../../src/data/transforms/mod.ts";
import { assertClose } from "../../compare.ts";
import { use, webgpuTest } from "../../device.ts";
import { assert, assertEquals } from "@std/assert";

/** How many processes. */
const COUNTS = [1, 2, 3, 5];

const flip = randomHorizontalFlip();
const crop = randomCrop(28, { padding: 4 });

/** What batches a loader makes; those of 22 samples at 7 each end with one of 1, of which most parts are empty. */
const LOADERS: Record<string, Partial<DataLoaderOptions>> = {
  "in a random order": { shuffle: true, seed: 3 },
  "with random transforms": {
    shuffle: true,
    transform: compose([crop, flip, toTensor(), randomErasing()]),
  },
};

Deno.test("divide() gives each image to one part, in order, and parts that differ by one image at most", () => {
  for (const total of [0, 1, 2, 3, 7, 64, 127, 128, 1_000_003]) {
    for (const count of [1, 2, 3, 4, 7, 64]) {
      const parts = Array.from(
        { length: count },
        (_, index) => divide(total, { index, count }),
      );
      const edges = [0, ...parts.map(({ end }) => end)];
      assertEquals(parts.map(({ begin }) => begin), edges.slice(0, -1));
      assertEquals(edges.at(-1), total);
      const sizes = parts.map(({ begin, end }) => end - begin);
      const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
      assert(most - least <= 1, `${total} images in parts of ${sizes}`);
      assertEquals(least, Math.floor(total / count));
    }
  }
});

for (const [name, options] of Object.entries(LOADERS)) {
  Deno.test(`DataLoader makes parts of batches ${name} that are the whole to the bit`, async () => {
    await use("cpu");
    await _compare(await _loader(options));
  });
}

Deno.test("DataLoader has workers make parts of batches that are the whole to the bit", async () => {
  await use("cpu");
  const transform = compose([crop, flip, toTensor()]);
  const loader = await _loader({ shuffle: true, transform, workers: 1 });
  await _compare(loader, { counts: [3] });
});

Deno.test("DataLoader makes parts of what a sampler chooses that are the whole to the bit", async () => {
  await use("cpu");
  const { dataset } = await _loader();
  // Some samples come twice, with other random numbers.
  const sampler = classBalancedSampler(dataset, { numSamples: 36 });
  const transform = compose([crop, flip, toTensor()]);
  await _compare(await _loader({ sampler, transform }));
});

webgpuTest(
  "DataLoader makes parts of batches on the device as the whole on the host",
  async () => {
    await use("webgpu");
    const loader = await _loader({
      shuffle: true,
      transform: compose([crop, flip, toTensor()]),
      path: "device",
    });
    await _compare(loader, { absolute: 1e-6 });
    loader.dispose();
  },
);

webgpuTest(
  "DataLoader copies parts of batches to the device, whatever their size",
  async () => {
    await use("webgpu");
    const transform = compose([toTensor(), randomErasing()]);
    await _compare(await _loader({ transform, path: "host" }));
  },
);

Deno.test("DataLoader begins parts at a batch of the epoch, and goes on to the next epoch", async () => {
  await use("cpu");
  const loader = await _loader({ shuffle: true });
  const shard = { index: 1, count: 3 };
  const labels = async (batches: AsyncIterable<{ labels: Int32Array }>) => {
    const lists = [];
    for await (const batch of batches) lists.push([...batch.labels]);
    return lists;
  };
  const all = await labels(loader.arrays({ epoch: 4, shard }));
  const next = await labels(loader.arrays({ shard }));
  const late = loader.arrays({ epoch: 4, firstBatch: 2, shard });
  assertEquals(await labels(late), all.slice(2));
  assertEquals(await labels(loader.arrays({ epoch: 5, shard })), next);
});

async function _loader(
  options: Partial<DataLoaderOptions> = {},
): Promise<DataLoader> {
  const { train } = await loadFashionMnist({
    source: "sample",
    trainSamples: 22,
  });
  return new DataLoader(train.dataset, {
    batchSize: 7,
    workers: 0,
    ...options,
  });
}

/** Holds the parts of an epoch, side by side, against the whole as the host makes it. */
async function _compare(
  loader: DataLoader,
  options: { absolute?: number; counts?: number[] } = {},
): Promise<void> {
  const { absolute = 0, counts = COUNTS } = options;
  const before = tf.memory().numTensors;
  for (const count of counts) {
    const wholes = loader.arrays({ epoch: 2 });
    const parts = Array.from(
      { length: count },
      (_, index) => loader.batches({ epoch: 2, shard: { index, count } }),
    );
    let batches = 0;
    for await (const { images, labels } of wholes) {
      const total = labels.length;
      const found = { images: [] as number[], labels: [] as number[] };
      for (const part of parts) {
        const { value } = await part.next();
        assert(value !== undefined);
        assertEquals(value.place, { begin: found.labels.length, total });
        assertEquals(value.images.shape[0], value.labels.shape[0]);
        assertEquals(value.images.shape.slice(1), [28, 28, 1]);
        found.images.push(...await value.images.data());
        found.labels.push(...await value.labels.data());
      }
      assertEquals(found.labels, [...labels]);
      assertClose(found.images, images, { absolute });
      batches++;
    }
    assertEquals(batches, loader.numBatches);
    for (const part of parts) assertEquals((await part.next()).done, true);
  }
  assertEquals(tf.memory().numTensors, before);
}
