/**
 * Tests of how long training waits for data.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { timed } from "../../src/train/waiting.ts";
import { fit } from "../../src/train/fit.ts";
import { pretendTime } from "../environment.ts";
import { use } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

Deno.test("timed() measures the time until each item is there, and not what is done with it", async () => {
  using clock = pretendTime();
  async function* source() {
    for (const item of [1, 2]) {
      clock.ms += 40;
      yield await Promise.resolve(item);
    }
  }
  const times: number[] = [];
  const items: number[] = [];
  for await (const item of timed(source(), (ms) => times.push(ms))) {
    items.push(item);
    clock.ms += 200;
  }
  assertEquals([items, times], [[1, 2], [40, 40, 0]]);
});

Deno.test("timed() ends what it iterates over when it is left", async () => {
  let ended = 0;
  async function* source() {
    try {
      for (;;) yield await Promise.resolve(1);
    } finally {
      ended++;
    }
  }
  for await (const _ of timed(source(), () => {})) break;
  assertEquals(ended, 1);
  await assertRejects(
    async () => {
      for await (const _ of timed(source(), () => {})) throw new Error("stop");
    },
    Error,
    "stop",
  );
  assertEquals(ended, 2);
});

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
