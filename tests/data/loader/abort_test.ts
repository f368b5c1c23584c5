/**
 * Tests of a signal that comes while the last batch of an epoch is in use: the loop does not look as if it were complete.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import { use, webgpuTest } from "../../device.ts";
import { colorful, countWorkers } from "../counted_workers.ts";

for (const workers of [0, 2]) {
  Deno.test(`DataLoader ends its last array with the signal's reason with ${workers} workers`, async () => {
    using count = countWorkers();
    await _abortAtEnd((signal) =>
      new DataLoader(colorful(), { batchSize: 10, workers, signal }).arrays()
    );
    assertEquals([count.started, count.alive], [workers, 0]);
  });
}

for (const path of ["host", "device"] as const) {
  webgpuTest(
    `DataLoader ends its last tensor with the signal's reason on the ${path}`,
    async () => {
      await use("webgpu");
      const { numTensors } = tf.memory();
      const options = { batchSize: 10, path, workers: 0 };
      await _abortAtEnd((signal) =>
        new DataLoader(colorful(), { ...options, signal }).batches()
      );
      assertEquals(tf.memory().numTensors, numTensors);
    },
  );
}

/** Takes the three batches that there are, and aborts. */
async function _abortAtEnd(
  begin: (signal: AbortSignal) => AsyncGenerator<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const batches = begin(controller.signal);
  for (let i = 0; i < 3; i++) await batches.next();
  controller.abort(new Error("enough"));
  await assertRejects(() => batches.next(), Error, "enough");
  assertEquals((await batches.next()).done, true);
}
