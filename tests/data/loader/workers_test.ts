/** Tests of batches that workers make: the same as without. */

import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { encode } from "fast-png";
import { tf } from "../../../src/device/tf.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import { imageFolder } from "../../../src/data/pictures/image_folder.ts";
import { importDataset, importTransform } from "../../../src/data/mod.ts";
import { classBalancedSampler } from "../../../src/data/sampler.ts";
import { subset, trainTestSplit } from "../../../src/data/split.ts";
import {
  colorJitter,
  compose,
  normalize,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  resize,
  toTensor,
} from "../../../src/data/transforms/mod.ts";
import { SampleError } from "../../../src/errors.ts";
import { use, webgpuTest } from "../../device.ts";
import { numbers } from "../../numbers.ts";
import { batchesOf, colorful } from "../counted_workers.ts";

const TRANSFORMS = new URL("../own_transforms.ts", import.meta.url);
const DATASETS = new URL("../own_dataset.ts", import.meta.url);

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

Deno.test("DataLoader makes batches with the options that transforms were made with, whatever becomes of them", async () => {
  const make = () => {
    const crop = { padding: [2, 1] };
    const jitter = { brightness: [0.5, 1.5] as [number, number] };
    const erasing = {
      p: 1,
      scale: [0.1, 0.2] as [number, number],
      ratio: [0.5, 2] as [number, number],
      value: [1, 2, 3],
    };
    const size: [number, number] = [5, 6];
    const transform = compose([
      randomCrop(size, crop),
      colorJitter(jitter),
      randomErasing(erasing),
    ]);
    const change = () => {
      for (const list of [crop.padding, size]) list.fill(4);
      for (const range of [jitter.brightness, erasing.ratio]) range.fill(1);
      erasing.scale.fill(0.9);
      erasing.value.fill(9);
    };
    return { transform, change };
  };
  const [kept, changed] = [make(), make()];
  const load = ({ transform }: typeof kept, workers: number) =>
    batchesOf(
      new DataLoader(colorful(), { batchSize: 10, transform, workers }),
    );
  const expected = await load(kept, 0);
  changed.change();
  for (const workers of [0, 1]) {
    assertEquals(await load(changed, workers), expected);
  }
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

Deno.test("DataLoader has workers get the samples of an imported data set that is a part of another", async () => {
  const readers = await importDataset(DATASETS, {
    name: "makeReaders",
    args: [20],
  });
  const { train, test } = trainTestSplit(readers, { testSize: 8, seed: 1 });
  for (const dataset of [readers, train, subset(test, [7, 0, 3])]) {
    const [none, one] = await Promise.all(
      [0, 1].map((workers) =>
        batchesOf(new DataLoader(dataset, { batchSize: 20, workers }))
      ),
    );
    assertEquals(one[0].images, none[0].images);
    assertEquals([...none[0].labels], Array(dataset.length).fill(0));
    assertEquals([...one[0].labels], Array(dataset.length).fill(1));
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

Deno.test("DataLoader has workers decode the files of a folder, and says which one is damaged", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (let i = 0; i < 12; i++) {
      const name = `${folder}/${i % 2 ? "odd" : "even"}`;
      await Deno.mkdir(name, { recursive: true });
      const [width, height] = [5 + i, 9];
      const data = Uint8Array.from(numbers(width * height * 3, [0, 256], i));
      await Deno.writeFile(
        `${name}/${i}.png`,
        encode({ width, height, channels: 3, data }),
      );
    }
    const dataset = await imageFolder(folder);
    const transform = compose([resize(7), randomHorizontalFlip(), toTensor()]);
    const options = { batchSize: 5, shuffle: true, transform };
    const [none, two] = await Promise.all(
      [0, 2].map((workers) =>
        batchesOf(new DataLoader(dataset, { ...options, workers }))
      ),
    );
    assertEquals(none.length, 3);
    assertEquals(two, none);
    const path = `${folder}/odd/9.png`;
    await Deno.truncate(path, 60);
    const error = await assertRejects(
      () => batchesOf(new DataLoader(dataset, { ...options, workers: 2 })),
      SampleError,
      `Cannot read ${path} as an image`,
    );
    assertEquals(error.index, 11);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

webgpuTest(
  "DataLoader leaves a batch on the host that the device cannot bind",
  async () => {
    const { maxBindingBytes } = await use("webgpu");
    const side = Math.ceil(Math.sqrt(maxBindingBytes / 4 / 30 / 3)) + 1;
    const transform = compose([resize(side), toTensor()]);
    const loader = new DataLoader(colorful(), { batchSize: 30, transform });
    assertMatch(loader.summary().reason!, /^a batch of \d+ bytes is more than/);
    const [expected] = await batchesOf(loader);
    for await (const { images } of loader) {
      assertEquals(images.shape, expected.shape);
      // What `fit` takes parts of; reading it from the device would throw.
      const values = images.dataSync();
      const place = values.length - side * side;
      assertEquals(values.subarray(place), expected.images.subarray(place));
    }
  },
);
