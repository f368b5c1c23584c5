/** Tests of how workers end, with an error or without one: none is left behind. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { importDataset, importTransform } from "../../../src/data/mod.ts";
import { WorkerPool } from "../../../src/data/loader/host_batches.ts";
import { AlexNetError, SampleError, ShapeError } from "../../../src/errors.ts";
import { batchesOf, colorful, countWorkers } from "../counted_workers.ts";

/** When to give up waiting for a worker, in milliseconds: long after it has started on any machine. */
const LIMIT_MS = 120_000;

const DATASETS = new URL("../own_dataset.ts", import.meta.url);
const FAILURES = new URL("../own_failures.ts", import.meta.url);

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

  Deno.test(`DataLoader says which label has no class name with ${workers} workers`, async () => {
    const { get, labels: _, ...rest } = colorful();
    const dataset: Dataset = {
      ...rest,
      get: (i) => i === 9 ? { ...get(i), label: 7 } : get(i),
    };
    const loader = new DataLoader(dataset, { batchSize: 5, workers });
    const error = await assertRejects(
      () => batchesOf(loader),
      SampleError,
      "Cannot make sample 9: Cannot use label as it must be an integer from 0 to 2, one of the class names: current value is 7",
    );
    assertEquals(error.index, 9);
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
  using count = countWorkers();
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const transform = await importTransform(FAILURES, {
    name: "waits",
    args: [begun],
  });
  const controller = new AbortController();
  const loader = new DataLoader(colorful(), {
    batchSize: 2,
    transform,
    workers: 1,
    signal: controller.signal,
  });
  const batch = loader.arrays().next();
  await Atomics.waitAsync(begun, 0, 0).value;
  controller.abort();
  const error = await assertRejects(() => batch, DOMException);
  assertEquals(error.name, "AbortError");
  assertEquals([count.started, count.alive], [1, 0]);
});

Deno.test("DataLoader does not wait for a worker that ends itself", async () => {
  for (const how of ["close", "exit"]) {
    using count = countWorkers();
    const transform = await importTransform(FAILURES, {
      name: "ends",
      args: [how],
    });
    const loader = new DataLoader(colorful(), {
      batchSize: 2,
      transform,
      workers: 1,
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    await assertRejects(
      () => batchesOf(loader),
      SampleError,
      "Cannot make sample 0: a worker of a loader must not be closed",
    );
    assertEquals([count.started, count.alive], [1, 0]);
  }
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

Deno.test("WorkerPool leaves no worker behind that it cannot set up", () => {
  using count = countWorkers();
  const transforms = [{ name: "invert", args: [() => 1] }];
  const error = assertThrows(
    () => new WorkerPool(2, { transforms, classNames: [], shape: [1, 1, 1] }),
    DOMException,
  );
  assertEquals(error.name, "DataCloneError");
  assertEquals([count.started, count.alive], [1, 0]);
});
