/** Tests of loading Fashion-MNIST: the sample, and the full set where it is installed. */

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { loadTf, tf } from "../../../src/device/tf.ts";
import {
  type FashionMnistOptions,
  loadFashionMnist,
} from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import {
  type DataFile,
  ensureFashionMnist,
  readVerified,
} from "../../../src/data/fashion_mnist/files.ts";
import { parseIdx } from "../../../src/data/idx.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import {
  compose,
  normalize,
  toTensor,
} from "../../../src/data/transforms/mod.ts";
import { DataError, OptionError } from "../../../src/errors.ts";
import { makeFolder, namesIn } from "../folder.ts";
import { startMirror } from "../mirror.ts";

/** The full set if it is on this machine. */
const FULL: DataFile[] = await ensureFashionMnist({ offline: true })
  .catch((error: Error) => {
    console.log(`Tests of the full data set are ignored: ${error.message}`);
    return [];
  });
const ignore = FULL.length === 0;

Deno.test("loadFashionMnist() loads the sample", async () => {
  await loadTf();
  await tf.setBackend("cpu");
  const { train, test, classNames } = await loadFashionMnist({
    source: "sample",
  });
  assertEquals([train.numSamples, test.numSamples], [2000, 500]);
  assertEquals([train.batchSize, train.numBatches], [128, 16]);
  assertEquals(train.imageShape, [28, 28, 1]);
  assertEquals(classNames.length, 10);
  for await (const { images, labels } of test) {
    assertEquals(images.shape, [128, 28, 28, 1]);
    // Ankle boot, pullover, trouser, trouser, shirt, trouser, coat, shirt.
    assertEquals([...(await labels.data()).subarray(0, 8)], [
      ...[9, 2, 1, 1, 6, 1, 4, 6],
    ]);
    const values = await images.data();
    assertEquals([values.some((v) => v > 0.9), Math.max(...values)], [true, 1]);
    assertEquals(Math.min(...values), 0);
    break;
  }
});

Deno.test("loadFashionMnist() resizes, limits, and shuffles the train images only", async () => {
  const { train, test } = await loadFashionMnist({
    source: "sample",
    batchSize: 7,
    resize: [12, 10],
    trainSamples: 20,
    testSamples: 10,
    seed: 3,
  });
  assertEquals([train.numSamples, test.numSamples], [20, 10]);
  assertEquals(train.imageShape, [12, 10, 1]);
  await loadTf();
  await tf.setBackend("cpu");
  const labelsOf = async (loader: typeof train): Promise<number[]> => {
    const all: number[] = [];
    for await (const { labels } of loader) all.push(...await labels.data());
    return all;
  };
  assertNotEquals(await labelsOf(train), await labelsOf(train));
  assertEquals(await labelsOf(test), await labelsOf(test));
});

Deno.test("loadFashionMnist() takes transforms in place of the default", async () => {
  const transforms = compose([toTensor(), normalize({ mean: 0.5, std: 0.5 })]);
  const { test } = await loadFashionMnist({ source: "sample", transforms });
  assertEquals(test.loadBatch([0]).images[0], -1);
});

const REFUSED: [option: string, options: Record<string, unknown>][] = [
  ["batchSize", { batchSize: 0 }],
  ["batchSize", { batchSize: 1.5 }],
  ["seed", { seed: -1 }],
  ["seed", { seed: 2 ** 32 }],
  ["trainSamples", { trainSamples: 0 }],
  ["trainSamples", { trainSamples: 60_001 }],
  ["trainSamples", { trainSamples: 2_001, source: "sample" }],
  ["testSamples", { testSamples: 10_001 }],
  ["testSamples", { testSamples: NaN }],
  ["resize", { resize: 0 }],
  ["resize", { resize: 56, transforms: toTensor() }],
  ["source", { source: "half" }],
  ["path", { path: "gpu" }],
  ["workers", { workers: -1 }],
  ["workers", { workers: "many" }],
  ["workers", { workers: 1, augment: (image: unknown) => image }],
  ["prefetchFactor", { prefetchFactor: 0 }],
  ["validationSplit", { validationSplit: 0 }],
  ["validationSplit", { validationSplit: 1.5 }],
  ["validationSplit", { validationSplit: 100, trainSamples: 100 }],
  ["batchSize", { batchSize: 60_001, dropLast: true }],
  ["batchSize", {
    batchSize: 51,
    dropLast: true,
    trainSamples: 100,
    validationSplit: 0.5,
  }],
  ["dataDir", { dataDir: "" }],
  ["mirrors", { mirrors: [] }],
];
for (const [option, options] of REFUSED) {
  const shown = Deno.inspect(options, { breakLength: Infinity });
  Deno.test(`loadFashionMnist() refuses ${shown} before it reads anything`, async () => {
    const error = await assertRejects(
      () =>
        loadFashionMnist({
          dataDir: "/nowhere",
          offline: true,
          ...options,
        } as FashionMnistOptions),
      OptionError,
    );
    assertEquals(error.option, option);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("loadFashionMnist() says what is missing when offline", async () => {
  await using temporary = await makeFolder();
  const dataDir = temporary.path;
  const error = await assertRejects(
    () => loadFashionMnist({ dataDir, offline: true }),
    DataError,
  );
  assertStringIncludes(error.message, "train-images-idx3-ubyte.gz");
});

Deno.test("loadFashionMnist() refuses the sample in place of the full set", async () => {
  const dataDir = new URL("../../../data/sample", import.meta.url).pathname;
  await assertRejects(
    () => loadFashionMnist({ dataDir, offline: true }),
    DataError,
    "delete it or choose another --data-dir",
  );
  assertEquals(namesIn(dataDir).length, 4);
});

Deno.test({
  name:
    "loadFashionMnist() loads the full set, of which the sample is the beginning",
  ignore,
  fn: async () => {
    const full = await loadFashionMnist({ offline: true });
    assertEquals([full.train.numSamples, full.test.numSamples], [60000, 10000]);
    const sample = await loadFashionMnist({ source: "sample" });
    for (const part of ["train", "test"] as const) {
      const last = sample[part].numSamples - 1;
      assertEquals(
        sample[part].dataset.get(last),
        full[part].dataset.get(last),
      );
    }
    const { shape, data } = parseIdx(await readVerified(FULL[1]), {
      path: FULL[1].path,
    });
    assertEquals(shape, [60000]);
    for (let label = 0; label < 10; label++) {
      assertEquals(data.filter((value) => value === label).length, 6000);
    }
  },
});

Deno.test({
  name:
    "loadFashionMnist() downloads the full set and leaves only the four files",
  ignore,
  fn: async () => {
    await using temporary = await makeFolder();
    const dataDir = temporary.path;
    await using mirror = startMirror(async (name) => {
      const file = FULL.find((file) => `${file.name}.gz` === name);
      if (file === undefined) return new Response(null, { status: 404 });
      return new Response(await Deno.readFile(file.path));
    });
    const files = new Set<string>();
    const { test } = await loadFashionMnist({
      dataDir,
      mirrors: [mirror.url],
      onProgress: ({ file }) => files.add(file),
    });
    assertEquals(test.numSamples, 10000);
    const names = MANIFEST.files.map(({ name }) => `${name}.gz`);
    assertEquals([...files], names);
    assertEquals(namesIn(dataDir), names.toSorted());
  },
});
