/** Tests of batches whose images are made on the WebGPU device, against those of the host. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import { subset } from "../../../src/data/split.ts";
import {
  centerCrop,
  compose,
  normalize,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  resize,
  toTensor,
  type Transform,
} from "../../../src/data/transforms/mod.ts";
import { OptionError } from "../../../src/errors.ts";
import { assertClose } from "../../compare.ts";
import { use, webgpuTest } from "../../device.ts";
import { numbers } from "../../numbers.ts";

const flip = randomHorizontalFlip();
const crop = randomCrop(28, { padding: 4 });
const scale = toTensor();

/** What the device does in one kernel. */
const ON_DEVICE: Record<string, Transform> = {
  "toTensor()": scale,
  "nothing": compose([]),
  "normalize()": compose([scale, normalize({ mean: 0.286, std: 0.353 })]),
  "resize()": compose([resize(100), scale]),
  "resize() to no multiple of 4, not scaled": resize([33, 57]),
  "resize() after toTensor()": compose([scale, resize(30)]),
  "centerCrop()": compose([centerCrop([20, 17]), scale]),
  "flip": compose([flip, scale]),
  "flip after toTensor()": compose([scale, flip]),
  "randomCrop()": compose([crop, scale]),
  "randomCrop() with a fill, after toTensor()": compose([
    scale,
    randomCrop([30, 26], { padding: [3, 2], fill: 0.25 }),
  ]),
  "randomCrop() of what is too small": compose([
    randomCrop([40, 30], { padIfNeeded: true, padding: [1, 0, 2, 5], fill: 9 }),
    scale,
  ]),
  "windows before and after resize()": compose([
    crop,
    flip,
    centerCrop(25),
    resize([50, 61]),
    flip,
    randomCrop([52, 45], { padding: 6, fill: 200 }),
    flip,
    scale,
    normalize({ mean: 0.5, std: 0.25 }),
    flip,
  ]),
};

for (const [name, transforms] of Object.entries(ON_DEVICE)) {
  webgpuTest(
    `DataLoader makes ${name} on the device as on the host`,
    async () => {
      await use("webgpu");
      const { test } = await loadFashionMnist({
        source: "sample",
        testSamples: 10,
        batchSize: 4,
        transforms,
        path: "device",
      });
      await _compare(test, 2);
      test.dispose();
    },
  );
}

webgpuTest("DataLoader does all channels on the device", async () => {
  await use("webgpu");
  for (const shape of [[5, 6, 7, 3], [3, 4, 4, 2], [4, 5, 3, 4]]) {
    const transform = compose([
      flip,
      resize([9, 10]),
      scale,
      ...shape[3] === 3
        ? [normalize({ mean: [0.1, 0.2, 0.3], std: [1, 0.5, 2] })]
        : [],
    ]);
    const dataset = bytes(shape);
    const loader = new DataLoader(dataset, {
      batchSize: 2,
      shuffle: true,
      transform,
      path: "device",
    });
    await _compare(loader, 1);
    loader.dispose();
  }
});

webgpuTest(
  "DataLoader finds the samples of a subset on the device",
  async () => {
    await use("webgpu");
    const dataset = subset(subset(bytes([9, 4, 4]), [8, 1, 6, 3, 5]), [
      4,
      0,
      2,
    ]);
    const loader = new DataLoader(dataset, { batchSize: 2, path: "device" });
    await _compare(loader, 1);
    loader.dispose();
  },
);

webgpuTest("DataLoader sends its images to the device once", async () => {
  await use("webgpu");
  const dataset = bytes([50, 10, 10]);
  const before = { ...tf.memory() } as unknown as { numBytesInGPU: number };
  const loaders = [2, 3].map((batchSize) =>
    new DataLoader(dataset, { batchSize, path: "device" })
  );
  const written = _countWrites(5000);
  for (const loader of [...loaders, ...loaders]) {
    for await (const { images } of loader) await images.data();
  }
  assertEquals(written(), 1);
  loaders[0].dispose();
  loaders[1].dispose();
  const after = tf.memory() as unknown as { numBytesInGPU: number };
  assertEquals(after.numBytesInGPU, before.numBytesInGPU);
  // And again after all.
  await _compare(loaders[0], 1);
  loaders[0].dispose();
});

webgpuTest("DataLoader says why it makes batches on the host", async () => {
  await use("webgpu");
  const inMemory = bytes([4, 6, 6]);
  const own: Dataset = { ...inMemory };
  const invert: Transform = (image) => image;
  const REASONS: [Dataset, Transform, RegExp][] = [
    [own, scale, /^the images are not in memory as bytes$/],
    [inMemory, invert, /^"invert of your own" is done on the host only$/],
    [inMemory, randomErasing(), /^"erase a random part.*" is done on the host/],
    [inMemory, randomCrop(6, { padding: 1, paddingMode: "edge" }), /host only/],
    [
      inMemory,
      compose([scale, normalize({ mean: 1, std: 2 }), resize(8)]),
      /^"resize to 8x8" comes after normalizing$/,
    ],
    [
      inMemory,
      compose([
        scale,
        normalize({ mean: 1, std: 2 }),
        randomCrop(6, { padding: 1 }),
      ]),
      /adds pixels after normalizing$/,
    ],
    [
      inMemory,
      compose([1, 2].map((fill) => randomCrop(6, { padding: 1, fill }))),
      /adds pixels of another value$/,
    ],
    [inMemory, compose([resize(8), resize(9)]), /resizes a second time$/],
    [
      inMemory,
      resize([8, 3]),
      /"resize to 8x3" shrinks images or changes edges/,
    ],
    [
      inMemory,
      resize([9, 8], { fit: "pad" }),
      /\(pad\)" shrinks images or changes edges/,
    ],
  ];
  for (const [dataset, transform, reason] of REASONS) {
    const options = { batchSize: 2, transform, workers: 0 };
    const loader = new DataLoader(dataset, options);
    const summary = loader.summary();
    assertEquals([summary.place, summary.workers], ["host", 0]);
    assert(reason.test(summary.reason!), summary.reason);
    await _compare(loader, 1);
    assertThrows(
      () => new DataLoader(dataset, { ...options, path: "device" }).summary(),
      OptionError,
      summary.reason,
    );
  }
  const { place, reason, transforms, imageShape, dataset } = new DataLoader(
    inMemory,
    { batchSize: 2, transform: compose([resize(8), scale]) },
  ).summary();
  assertEquals([place, reason], ["device", undefined]);
  assertEquals(transforms, ["resize to 8x8", "scale to [0, 1]"]);
  assertEquals(imageShape, [8, 8, 1]);
  assertEquals(dataset, "4 images in 1 class: a 4");
});

/** Images of random bytes, `[count, height, width]` or with channels, all of one class. */
function bytes(shape: number[]): Dataset {
  const size = shape.reduce((product, n) => product * n, 1);
  // One byte before, so that they do not begin at a word.
  const data = Uint8Array.from([0, ...numbers(size, [0, 256])]).subarray(1);
  return arrayDataset({
    images: { shape, data },
    labels: { shape: [shape[0]], data: new Uint8Array(shape[0]) },
    classNames: ["a"],
  });
}

/** Compares some epochs of a loader with what the host makes of the same samples. */
async function _compare(loader: DataLoader, epochs: number): Promise<void> {
  const before = tf.memory().numTensors;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const expected = loader.arrays({ epoch });
    for await (const { images, labels } of loader.batches({ epoch })) {
      const { value } = await expected.next();
      assert(value !== undefined);
      assertEquals(images.shape, value.shape);
      assertEquals(await labels.data(), value.labels);
      // Interpolation and division are rounded to float32 in another order.
      const largest = value.images.reduce(
        (max, v) => Math.max(max, Math.abs(v)),
        1,
      );
      assertClose(await images.data(), value.images, {
        absolute: 1e-6 * largest,
      });
    }
    assertEquals((await expected.next()).done, true);
  }
  assertEquals(tf.memory().numTensors, before);
}

/** Counts the writes to the device of so many bytes, or a few more, until the result is called. */
function _countWrites(numBytes: number): () => number {
  const { queue } = tf.backend() as unknown as { queue: GPUQueue };
  const { writeBuffer } = queue;
  let count = 0;
  queue.writeBuffer = function (buffer, offset, data, ...rest) {
    if (data.byteLength >= numBytes) count++;
    return writeBuffer.call(queue, buffer, offset, data, ...rest);
  };
  return () => {
    queue.writeBuffer = writeBuffer;
    return count;
  };
}
