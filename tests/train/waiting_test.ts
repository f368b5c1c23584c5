/**
 * Tests of how long training waits for data.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { timed } from "../../src/train/waiting.ts";
import { fit } from "../../src/train/fit.ts";
import { use } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

Deno.test("timed() measures the time until each item is there, and not what is done with it", async () => {
  async function* source() {
    for (const item of [1, 2]) {
      await sleep(40);
      yield item;
    }
  }
  const times: number[] = [];
  const items: number[] = [];
  for await (const item of timed(source(), (ms) => times.push(ms))) {
    items.push(item);
    await sleep(200);
  }
  assertEquals(items, [1, 2]);
  assertEquals(times.length, 3);
  // Timers are late at times, but never early by more than a tick.
  times.slice(0, 2).forEach((ms) => assert(ms > 35 && ms < 150, `${ms}`));
  assert(times[2] < 35, `${times[2]}`);
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
  const net = tinyNet();
  const loader = tinyData();
  const slow = {
    numBatches: loader.numBatches,
    async *[Symbol.asyncIterator]() {
      for await (const batch of loader) {
        await sleep(30);
        yield batch;
      }
    },
  };
  const { epochs: [epoch] } = await fit(net, slow, { validation: loader });
  const least = 0.025 * loader.numBatches;
  assert(epoch.waitSeconds > least, `${epoch.waitSeconds}`);
  assert(epoch.waitSeconds < epoch.seconds);
  net.dispose();
});
