/**
 * Tests of parts of batches from a source that makes whole ones, and of how long training waits for batches.
 *
 * @module
 */

import type { EpochOptions } from "../../src/data/loader/batch.ts";
import { tf } from "../../src/device/tf.ts";
import { batchesFrom, type BatchSource } from "../../src/train/batch_source.ts";
import { fit } from "../../src/train/fit.ts";
import { pretendTime } from "../environment.ts";
import { type KernelDevice, use, webgpuTest } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";
import { assertEquals } from "@std/assert";

/** What a part is. */
interface Part {
  readonly images: number[];
  readonly labels: number[];
  readonly place: unknown;
}

async function read(
  source: BatchSource,
  which: EpochOptions,
): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const { images, labels, place } of batchesFrom(source, which)) {
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
  const before = tf.memory().numTensors;
  for (const source of sources) {
    for (const count of [1, 2, 3]) {
      for (let index = 0; index < count; index++) {
        const which = { epoch: 3, firstBatch: 1, shard: { index, count } };
        const parts = await read(source, which);
        assertEquals(parts, await read(data, which));
        assertEquals(parts.length, 2);
      }
    }
    assertEquals(tf.memory().numTensors, before);
    const shard = { index: 0, count: 2 };
    for await (const _ of batchesFrom(source, { shard })) break;
    assertEquals(tf.memory().numTensors, before, "after a break");
  }
  data.dispose();
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
