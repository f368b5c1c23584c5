/** Tests of how many workers there are, and of how far ahead of time they work. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import {
  DataLoader,
  type DataLoaderOptions,
} from "../../../src/data/loader/data_loader.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { compose, resize, toTensor } from "../../../src/data/transforms/mod.ts";
import { OptionError } from "../../../src/errors.ts";
import { colorful, pretendCores } from "../counted_workers.ts";

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

Deno.test("DataLoader starts one worker per core but one, as long as their batches are small", () => {
  using _cores = pretendCores(16);
  const length = 2 ** 16;
  const dataset = arrayDataset({
    images: { shape: [length, 1, 1], data: new Uint8Array(length) },
    labels: { shape: [length], data: new Uint8Array(length) },
    classNames: ["a"],
  });
  const count = (
    side: number,
    options: Partial<DataLoaderOptions> = {},
  ): number => {
    const transform = compose([resize(side), toTensor()]);
    const loader = new DataLoader(dataset, {
      batchSize: 128,
      transform,
      path: "host",
      ...options,
    });
    assertEquals(loader.summary().workers, loader.workers);
    return loader.workers;
  };
  assertEquals(count(28), 15);
  // Two batches of 25.7 MB each.
  assertEquals(count(224), 4);
  assertEquals(count(224, { prefetchFactor: 4 }), 2);
  assertEquals(count(224, { batchSize: 1024 }), 1);
  // Whoever asks for so many has them.
  assertEquals(count(224, { workers: 12 }), 12);
});

Deno.test("DataLoader does without workers where Deno may not read what they run", async () => {
  const url = new URL("../../../src/data/mod.ts", import.meta.url);
  const code = `
    import { arrayDataset, DataLoader } from "${url}";
    const data = new Uint8Array(400);
    const dataset = arrayDataset({
      images: { shape: [100, 2, 2], data },
      labels: { shape: [100], data: data.subarray(300) },
      classNames: ["a"],
    });
    const loader = new DataLoader(dataset, { batchSize: 2 });
    console.log(loader.workers, (await Array.fromAsync(loader.arrays())).length);`;
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/main.ts`;
    await Deno.writeTextFile(path, code);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "--no-check", "--allow-env"],
        ...[
          "--config",
          fileURLToPath(new URL("../../../deno.json", import.meta.url)),
        ],
        path,
      ],
    }).output();
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stdout), "0 50\n", decoder.decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
