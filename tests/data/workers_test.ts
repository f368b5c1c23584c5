/**
 * Tests of batches that workers make: the same as without, in order, and no worker is left behind.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import { DataLoader } from "../../src/data/data_loader.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import type { ArrayBatch } from "../../src/data/host_batch.ts";
import type { DataLoaderOptions } from "../../src/data/loader_options.ts";
import { importDataset, importTransform } from "../../src/data/modules.ts";
import { classBalancedSampler } from "../../src/data/sampler.ts";
import { subset } from "../../src/data/split.ts";
import {
  colorJitter,
  compose,
  normalize,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  resize,
  toTensor,
} from "../../src/data/transforms/mod.ts";
import {
  AlexNetError,
  OptionError,
  SampleError,
  ShapeError,
} from "../../src/errors.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const TRANSFORMS = new URL("./own_transforms.ts", import.meta.url);
const DATASETS = new URL("./own_dataset.ts", import.meta.url);
const FAILURES = new URL("./own_failures.ts", import.meta.url);

/** Ten images of 7x6 pixels and three channels. */
function colorful(): Dataset {
  return arrayDataset({
    images: {
      shape: [30, 7, 6, 3],
      data: Uint8Array.from(numbers(30 * 7 * 6 * 3, [0, 256])),
    },
    labels: {
      shape: [30],
      data: Uint8Array.from({ length: 30 }, (_, i) => i % 3),
    },
    classNames: ["a", "b", "c"],
  });
}

async function batchesOf(loader: DataLoader, epoch = 0): Promise<ArrayBatch[]> {
  return await Array.fromAsync(loader.arrays({ epoch }));
}

/** Counts the workers that are alive, until it is disposed. */
function countWorkers(): { alive: number; started: number } & Disposable {
  const { Worker } = globalThis;
  const count = {
    alive: 0,
    started: 0,
    [Symbol.dispose]() {
      globalThis.Worker = Worker;
    },
  };
  globalThis.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      count.alive++;
      count.started++;
    }
    override terminate(): void {
      super.terminate();
      count.alive--;
    }
  };
  return count;
}

Deno.test("DataLoader makes the same batches with 0, 1 and 4 workers, byte for byte", async () => {
  const transform = compose([
    randomCrop([8, 7], { padding: 2 }),
    randomHorizontalFlip(),
    await importTransform(TRANSFORMS, { name: "invert" }),
    colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
    await importTransform(TRANSFORMS, { name: "addNoise", args: [3] }),
    resize([9, 12]),
    toTensor(),
    randomErasing({ value: "random" }),
    normalize({ mean: [0.1, 0.2, 0.3], std: 0.5 }),
  ]);
  const options = { batchSize: 4, shuffle: true, seed: 3, transform };
  for (const epoch of [0, 5]) {
    const [none, one, four] = await Promise.all(
      [0, 1, 4].map((workers) =>
        batchesOf(new DataLoader(colorful(), { ...options, workers }), epoch)
      ),
    );
    assertEquals(none.length, 8);
    assertEquals(one, none);
    assertEquals(four, none);
  }
  const [a, b] = [
    new DataLoader(colorful(), { ...options, workers: 2 }),
    colorful(),
  ];
  assertNotEquals(
    await batchesOf(a),
    await batchesOf(new DataLoader(b, { ...options, seed: 4, workers: 2 })),
  );
});

Deno.test("DataLoader gives samples that come again in an epoch other random numbers", async () => {
  const few = subset(colorful(), [0, 1]);
  const sampler = classBalancedSampler(few, { numSamples: 8 });
  const transform = compose([randomErasing({ p: 1, value: "random" })]);
  const [none, two] = await Promise.all(
    [0, 2].map((workers) =>
      batchesOf(
        new DataLoader(few, { batchSize: 8, sampler, transform, workers }),
      )
    ),
  );
  assertEquals(two, none);
  const [{ images }] = none;
  const distinct = Array.from(
    { length: 8 },
    (_, i) => images.slice(i * 126, (i + 1) * 126).join(),
  );
  assertEquals(new Set(distinct).size, 8);
});

Deno.test("DataLoader has workers get the samples of an imported data set", async () => {
  const stripes = await importDataset(DATASETS, {
    name: "makeStripes",
    args: [20],
  });
  const dataset = subset(stripes, [19, 3, 8, 1, 0, 2, 11]);
  let asked = 0;
  const get = stripes.get.bind(stripes);
  Object.defineProperty(stripes, "get", {
    value: (index: number) => {
      asked++;
      return get(index);
    },
  });
  const [none, two] = [0, 2].map((workers) =>
    new DataLoader(dataset, { batchSize: 2, workers })
  );
  const expected = await batchesOf(none);
  asked = 0;
  assertEquals(await batchesOf(two), expected);
  // For the shape of the images.
  assertEquals(asked, 1);
});

for (const workers of [0, 2]) {
  Deno.test(`DataLoader says which sample ${workers} workers cannot make`, async () => {
    using count = countWorkers();
    const dataset = await importDataset(DATASETS, {
      name: "makeStripes",
      args: [12, true],
    });
    const loader = new DataLoader(dataset, { batchSize: 2, workers });
    let batches = 0;
    const error = await assertRejects(
      async () => {
        for await (const _ of loader.arrays()) batches++;
      },
      SampleError,
      "Cannot make sample 7: broken stripe",
    );
    assertEquals([error.index, batches], [7, 3]);
    assertEquals((error.cause as Error).message, "broken stripe");
    assertEquals([count.started, count.alive], [workers, 0]);
  });

  Deno.test(`DataLoader says which sample has another shape with ${workers} workers`, async () => {
    const dataset: Dataset = {
      length: 6,
      classNames: ["a"],
      get: (i) => ({
        image: {
          data: new Uint8Array(i === 4 ? 6 : 4),
          height: 2,
          width: i === 4 ? 3 : 2,
          channels: 1,
          maxValue: 255,
        },
        label: 0,
      }),
    };
    const loader = new DataLoader(dataset, { batchSize: 2, workers });
    await assertRejects(
      () => batchesOf(loader),
      ShapeError,
      "sample 4 as its shape [2,3,1] is not [2,2,1]",
    );
  });

  Deno.test(`DataLoader ends ${workers} workers on break, and when the signal says so`, async () => {
    using count = countWorkers();
    const options = { batchSize: 2, workers };
    for await (const _ of new DataLoader(colorful(), options).arrays()) break;
    assertEquals([count.started, count.alive], [workers, 0]);
    const controller = new AbortController();
    const { signal } = controller;
    const loader = new DataLoader(colorful(), { ...options, signal });
    const batches = loader.arrays();
    await batches.next();
    assertEquals(count.alive, workers);
    controller.abort(new Error("enough"));
    // At once, whoever holds the batch.
    assertEquals(count.alive, 0);
    await assertRejects(() => batches.next(), Error, "enough");
    await assertRejects(() => batchesOf(loader), Error, "enough");
    assertEquals([count.started, count.alive], [2 * workers, 0]);
  });
}

Deno.test("DataLoader ends a wait for a worker when the signal says so", async () => {
  const slow = await importTransform(FAILURES, {
    name: "takesSeconds",
    args: [30],
  });
  const controller = new AbortController();
  const loader = new DataLoader(colorful(), {
    batchSize: 2,
    transform: slow,
    workers: 1,
    signal: controller.signal,
  });
  const start = performance.now();
  const batches = loader.arrays();
  setTimeout(() => controller.abort(), 300);
  const error = await assertRejects(() => batches.next(), DOMException);
  assertEquals(error.name, "AbortError");
  assert(performance.now() - start < 10_000);
});

Deno.test("DataLoader says that a worker ended, and ends the others", async () => {
  using count = countWorkers();
  const transform = await importTransform(FAILURES, { name: "throwsLater" });
  const loader = new DataLoader(colorful(), {
    batchSize: 1,
    transform,
    workers: 2,
  });
  await assertRejects(
    () => batchesOf(loader),
    AlexNetError,
    "a worker of the loader ended",
  );
  assertEquals(count.alive, 0);
});

Deno.test("DataLoader asks for no more batches than prefetchFactor per worker ahead of time", async () => {
  const { get, ...rest } = colorful();
  let asked = 0;
  const counting: Dataset = {
    ...rest,
    get(index) {
      asked++;
      return get(index);
    },
  };
  const loader = new DataLoader(counting, {
    batchSize: 2,
    workers: 2,
    prefetchFactor: 3,
  });
  loader.imageShape;
  asked = 0;
  let taken = 0;
  for await (const _ of loader.arrays()) {
    taken++;
    assert(asked <= Math.min(30, 2 * (taken + 2 * 3)), `${asked} at ${taken}`);
    if (taken === 1) assert(asked >= 2 * 2 * 3, `${asked}`);
  }
  assertEquals([taken, asked], [15, 30]);
});

Deno.test("DataLoader decides on the number of workers", () => {
  const dataset = colorful();
  const count = (options: Partial<DataLoaderOptions>) =>
    new DataLoader(dataset, { batchSize: 1, ...options }).workers;
  const cores = navigator.hardwareConcurrency;
  assertEquals(count({}), Math.min(cores - 1, 7));
  assertEquals(
    count({ workers: "auto", batchSize: 8 }),
    Math.min(cores - 1, 1),
  );
  assertEquals(count({ batchSize: 10 }), 0);
  assertEquals(count({ workers: 3 }), 3);
  const own = {
    transform: (image: ReturnType<Dataset["get"]>["image"]) => image,
  };
  assertEquals(count(own), 0);
  const error = assertThrows(() => count({ ...own, workers: 1 }), OptionError);
  assertMatch(
    error.message,
    /have the transform "transform of your own" by importTransform\(\)/,
  );
  for (const workers of [-1, 0.5, NaN, "many" as "auto"]) {
    assertThrows(() => count({ workers }), OptionError, "workers");
  }
  const { Worker } = globalThis;
  try {
    Object.assign(globalThis, { Worker: undefined });
    assertEquals(count({}), 0);
    assertThrows(() => count({ workers: 1 }), OptionError, "no workers here");
  } finally {
    globalThis.Worker = Worker;
  }
});

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`DataLoader makes tensors of workers' batches on ${device}, and leaves none`, async () => {
    await use(device);
    const loader = new DataLoader(colorful(), {
      batchSize: 4,
      workers: 2,
      path: "host",
      shuffle: true,
      transform: compose([resize(20), toTensor()]),
    });
    const before = tf.memory().numTensors;
    const expected = await batchesOf(loader);
    let i = 0;
    const clones = [];
    for await (const { images, labels } of loader.batches({ epoch: 0 })) {
      assertEquals(tf.memory().numTensors, before + 2 + clones.length);
      clones.push(images.clone());
      assertEquals(await labels.data(), expected[i].labels);
      assertEquals(images.shape, expected[i].shape);
      i++;
    }
    // What was cloned is not overwritten by later batches.
    for (const [k, clone] of clones.entries()) {
      assertEquals(await clone.data(), expected[k].images);
    }
    tf.dispose(clones);
    assertEquals([i, tf.memory().numTensors], [8, before]);
  });
}
