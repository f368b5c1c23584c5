/** Tests of parts of batches from a source that makes whole ones, and of how long training waits for batches. */

import type { EpochOptions } from "../../src/data/loader/batch.ts";
import { tf } from "../../src/device/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { batchesFrom, type BatchSource } from "../../src/train/batch_source.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { findLearningRate } from "../../src/train/lr_finder.ts";
import { pretendTime } from "../environment.ts";
import { type KernelDevice, use, webgpuTest } from "../device.ts";
import { SIZE, tinyData, tinyNet } from "./tiny.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

/** What a part is. */
interface Part {
  readonly images: number[];
  readonly labels: number[];
  readonly place: unknown;
}

async function read(
  source: BatchSource,
  net: Sequential,
  which: EpochOptions,
): Promise<Part[]> {
  const parts: Part[] = [];
  for await (
    const { images, labels, place } of batchesFrom(source, net, which)
  ) {
    parts.push({
      images: [...await images.data()],
      labels: [...await labels.data()],
      place,
    });
  }
  return parts;
}

async function compare(device: KernelDevice): Promise<void> {
  await use(device);
  // 3 batches, the last of 1 image.
  const data = tinyData({ count: 9, shuffle: true });
  const sources: BatchSource[] = [
    {
      setEpoch: (epoch) => data.setEpoch(epoch),
      [Symbol.asyncIterator]: () => data.batches(),
    },
    // One that has never heard of parts.
    {
      batches: ({ epoch, firstBatch }) => data.batches({ epoch, firstBatch }),
      [Symbol.asyncIterator]: () => data.batches(),
    },
  ];
  const net = tinyNet();
  const before = tf.memory().numTensors;
  for (const source of sources) {
    for (const count of [1, 2, 3]) {
      for (let index = 0; index < count; index++) {
        const which = { epoch: 3, firstBatch: 1, shard: { index, count } };
        const parts = await read(source, net, which);
        assertEquals(parts, await read(data, net, which));
        assertEquals(parts.length, 2);
      }
    }
    assertEquals(tf.memory().numTensors, before);
    const shard = { index: 0, count: 2 };
    for await (const _ of batchesFrom(source, net, { shard })) break;
    assertEquals(tf.memory().numTensors, before, "after a break");
  }
  data.dispose();
  net.dispose();
}

Deno.test("batchesFrom() cuts whole batches as DataLoader makes parts, and frees them, on the CPU", async () => {
  await compare("cpu");
});

webgpuTest(
  "batchesFrom() cuts whole batches as DataLoader makes parts, and frees them, on WebGPU",
  () => compare("webgpu"),
);

Deno.test("fit() tells how long it waited for batches", async () => {
  await use("cpu");
  using clock = pretendTime();
  const net = tinyNet();
  const loader = tinyData();
  const slow = {
    numBatches: loader.numBatches,
    async *[Symbol.asyncIterator]() {
      for await (const batch of loader) {
        clock.ms += 3000;
        yield batch;
      }
    },
  };
  const { epochs: [epoch] } = await fit(net, slow, {
    validation: loader,
    callbacks: [{ onStepEnd: () => void (clock.ms += 1000) }],
  });
  const { numBatches } = loader;
  assertEquals([epoch.waitSeconds, epoch.seconds], [
    3 * numBatches,
    4 * numBatches,
  ]);
  net.dispose();
});

/** A source that says as much of its data as is asked, and counts how often it is gone through. */
function sourceOf(
  labels: readonly number[],
  { isKnown }: { isKnown: boolean },
): BatchSource & { passes: number } {
  const classNames = ["top", "middle", "bottom", "none"];
  return {
    passes: 0,
    dataset: isKnown ? { labels, classNames } : undefined,
    async *[Symbol.asyncIterator]() {
      this.passes++;
      const images = tf.tensor4d(
        new Float32Array(labels.length * SIZE * SIZE),
        [labels.length, SIZE, SIZE, 1],
      );
      const batch = { images, labels: tf.tensor1d([...labels], "int32") };
      try {
        yield batch;
      } finally {
        tf.dispose([batch.images, batch.labels]);
      }
    },
  };
}

Deno.test("fit(), evaluate() and findLearningRate() name a label that the network has no output for, before the first step", async () => {
  await use("cpu");
  const net = tinyNet();
  const good = tinyData({ count: 8 });
  const before = [...await net.getWeights()[0].data()];
  const { numTensors } = tf.memory();
  for (const isKnown of [true, false]) {
    const passes = isKnown ? 0 : 1;
    const refuses = async (
      labels: readonly number[],
      use: (source: BatchSource) => Promise<unknown>,
    ) => {
      const source = sourceOf(labels, { isKnown });
      const error = await assertRejects(() => use(source), ShapeError);
      assertEquals(source.passes, passes);
      return error.message;
    };
    const name = isKnown ? " (none)" : "";
    assertEquals(
      await refuses([0, 1, 3], (source) => fit(net, source)),
      `Cannot use image 2 as its label 3${name} is not one of the 3 classes of the network, 0 to 2: make a network of more classes, or leave such images out`,
    );
    assertStringIncludes(
      await refuses([0, -1], (source) => evaluate(net, source)),
      "label -1 is not one of the 3 classes",
    );
    await refuses([3], (source) => findLearningRate(net, source));
    if (!isKnown) continue;
    // Known labels of the validation data are looked at before the first epoch, not after it.
    await refuses([0, 3], (validation) => fit(net, good, { validation }));
  }
  assertEquals([...await net.getWeights()[0].data()], before);
  assertEquals(tf.memory().numTensors, numTensors);
  await fit(net, sourceOf([0, 1, 2], { isKnown: true }));
  net.dispose();
});

Deno.test("evaluate() and fit() refuse data of other classes than the network was trained on", async () => {
  await use("cpu");
  const net = tinyNet();
  const train = tinyData({ count: 4 });
  const named = (classNames: string[]): BatchSource => ({
    dataset: { classNames },
    [Symbol.asyncIterator]: () => train[Symbol.asyncIterator](),
  });
  const two = named(["top", "bottom"]);
  // Nothing is known of a network that was not trained.
  await evaluate(net, two);
  await fit(net, train);
  await evaluate(net, named(["top", "middle", "bottom"]));
  const words =
    "classes are top, bottom, as the network was trained on top, middle, bottom";
  const error = await assertRejects(() => evaluate(net, two), ShapeError);
  assertStringIncludes(error.message, words);
  await assertRejects(() => fit(net, train, { validation: two }), ShapeError);
  // Trained on, other classes are what it then knows.
  await fit(net, two);
  await evaluate(net, two);
  net.dispose();
});
