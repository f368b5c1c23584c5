/** Tests of batching, on the CPU backend. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { loadTf, type Tensor, tf } from "../../../src/device/tf.ts";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import {
  DataLoader,
  type DataLoaderOptions,
} from "../../../src/data/loader/data_loader.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import {
  compose,
  toTensor,
  type Transform,
} from "../../../src/data/transforms/mod.ts";
import { BackendError, OptionError, SampleError } from "../../../src/errors.ts";

/** Ten 2x3 images; the first pixel of each is its index. */
function tenImages(): Dataset {
  const data = Uint8Array.from({ length: 60 }, (_, i) => i % 6 ? i : i / 6);
  return arrayDataset({
    images: { shape: [10, 2, 3], data },
    labels: { shape: [10], data: Uint8Array.from({ length: 10 }, (_, i) => i) },
    classNames: "abcdefghij".split(""),
  });
}

function makeLoader(options: Partial<DataLoaderOptions> = {}): DataLoader {
  return new DataLoader(tenImages(), { batchSize: 4, ...options });
}

async function labelsOf(loader: DataLoader): Promise<number[]> {
  const all: number[] = [];
  for await (const { labels } of loader) all.push(...await labels.data());
  return all;
}

async function cpu(): Promise<void> {
  await loadTf();
  await tf.setBackend("cpu");
}

// First, as no other test may have chosen a backend yet.
Deno.test("DataLoader leaves it to initBackend() to choose a backend", async () => {
  await loadTf();
  if (tf.getBackend()) return;
  await assertRejects(
    () => labelsOf(makeLoader()),
    BackendError,
    "call `await initBackend()` first",
  );
  assertEquals(tf.getBackend() ?? "", "");
});

Deno.test("DataLoader yields float32 images and int32 labels, the last batch short", async () => {
  await cpu();
  const loader = makeLoader();
  assertEquals([loader.batchSize, loader.numSamples, loader.numBatches], [
    4,
    10,
    3,
  ]);
  const shapes: number[][] = [];
  let first = 0;
  for await (const { images, labels } of loader) {
    shapes.push(images.shape, labels.shape);
    assertEquals([images.dtype, labels.dtype], ["float32", "int32"]);
    const values = await images.data();
    const expected = Array.from({ length: values.length }, (_, i) => {
      const place = first * 6 + i;
      return Math.fround((place % 6 ? place : place / 6) / 255);
    });
    assertEquals([...values], expected);
    first += labels.shape[0];
  }
  assertEquals(shapes, [[4, 2, 3, 1], [4], [4, 2, 3, 1], [4], [2, 2, 3, 1], [
    2,
  ]]);
});

Deno.test("DataLoader has one batch when it is larger than the data set", async () => {
  await cpu();
  const loader = makeLoader({ batchSize: 100 });
  assertEquals(loader.numBatches, 1);
  assertEquals((await labelsOf(loader)).length, 10);
});

Deno.test("DataLoader keeps images and labels together when it shuffles", async () => {
  await cpu();
  for await (const { images, labels } of makeLoader({ shuffle: true })) {
    const values = await images.data();
    const firsts = [...await labels.data()].map((_, i) =>
      Math.round(values[i * 6] * 255)
    );
    assertEquals(firsts, [...await labels.data()]);
  }
});

Deno.test("DataLoader has another order of the same samples in each epoch", async () => {
  await cpu();
  const loader = makeLoader({ shuffle: true });
  const [one, two] = [await labelsOf(loader), await labelsOf(loader)];
  assertNotEquals(one, two);
  assertEquals(one.toSorted(), two.toSorted());
  assertEquals(one.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("DataLoader has the same orders with the same seed", async () => {
  await cpu();
  const [a, b] = [1, 1].map((seed) => makeLoader({ shuffle: true, seed }));
  const c = makeLoader({ shuffle: true, seed: 2 });
  for (let epoch = 0; epoch < 2; epoch++) {
    const order = await labelsOf(a);
    assertEquals(order, await labelsOf(b));
    assertNotEquals(order, await labelsOf(c));
  }
});

Deno.test("DataLoader does not shuffle unless asked to", async () => {
  await cpu();
  assertEquals(await labelsOf(makeLoader()), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("setEpoch() sets the order of the next iteration", async () => {
  await cpu();
  const loader = makeLoader({ shuffle: true });
  const orders: number[][] = [];
  for (let epoch = 0; epoch < 3; epoch++) orders.push(await labelsOf(loader));
  loader.setEpoch(1);
  assertEquals(await labelsOf(loader), orders[1]);
  assertEquals(await labelsOf(loader), orders[2]);
  assertThrows(() => loader.setEpoch(-1), OptionError, "epoch");
});

Deno.test("DataLoader disposes each batch when the next is asked for", async () => {
  await cpu();
  const before = tf.memory().numTensors;
  const seen: Tensor[] = [];
  for await (const { images, labels } of makeLoader()) {
    assert(seen.every((tensor) => tensor.isDisposed));
    assert(!images.isDisposed && !labels.isDisposed);
    assertEquals(tf.memory().numTensors, before + 2);
    seen.push(images, labels);
  }
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("DataLoader disposes its batch on break, return and throw", async () => {
  await cpu();
  const before = tf.memory().numTensors;
  const loader = makeLoader();
  for await (const _ of loader) break;
  assertEquals(tf.memory().numTensors, before);
  const first = async (): Promise<number> => {
    for await (const { labels } of loader) return labels.size;
    return 0;
  };
  assertEquals(await first(), 4);
  assertEquals(tf.memory().numTensors, before);
  await assertRejects(async () => {
    for await (const _ of loader) throw new Error("stop");
  });
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("DataLoader minds neither disposed nor cloned batches", async () => {
  await cpu();
  const before = tf.memory().numTensors;
  const clones: Tensor[] = [];
  for await (const { images, labels } of makeLoader()) {
    clones.push(labels.clone());
    images.dispose();
  }
  assertEquals([...await clones[2].data()], [8, 9]);
  for (const clone of clones) clone.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("imageShape is the shape after the transform", () => {
  let calls = 0;
  const loader = makeLoader({
    transform: (image) => {
      calls++;
      return { ...image, height: 1, width: 6 };
    },
  });
  assertEquals(loader.imageShape, [1, 6, 1]);
  assertEquals(loader.imageShape, [1, 6, 1]);
  assertEquals(calls, 1);
});

Deno.test("DataLoader says of a transform that gives a promise what it must give", () => {
  const slow = (index: number): Transform => (image) =>
    image.data[0] === index ? Promise.resolve(image) as never : image;
  const first = (index: number) => compose([slow(index), toTensor()]);
  for (const make of [slow, first]) {
    const [zero, five] = [0, 5].map((i) => makeLoader({ transform: make(i) }));
    const errors = [
      assertThrows(() => zero.imageShape, SampleError),
      assertThrows(() => five.loadBatch([4, 5]), SampleError),
    ];
    assertEquals(errors.map(({ index }) => index), [0, 5]);
    for (const { message } of errors) {
      assertMatch(
        message,
        /^Cannot make sample \d: Cannot use transform as it must be a function that returns an image .+ and no promise: /,
      );
    }
  }
});

Deno.test("loadBatch() makes plain arrays of given samples", () => {
  const { images, labels, shape } = makeLoader().loadBatch([7, 2]);
  assertEquals(shape, [2, 2, 3, 1]);
  assertEquals([...labels], [7, 2]);
  assertEquals(images.length, 12);
  assertEquals(images[6], Math.fround(2 / 255));
  assertThrows(() => makeLoader().loadBatch([10]), OptionError, "index");
});

Deno.test("DataLoader refuses options that cannot be", () => {
  for (const batchSize of [0, -1, 1.5, NaN]) {
    assertThrows(() => makeLoader({ batchSize }), OptionError, "batchSize");
  }
  for (const seed of [-1, 0.5, 2 ** 32]) {
    assertThrows(() => makeLoader({ seed }), OptionError, "seed");
  }
  const empty = { ...tenImages(), length: 0 };
  assertThrows(() => new DataLoader(empty, { batchSize: 1 }), OptionError);
});
