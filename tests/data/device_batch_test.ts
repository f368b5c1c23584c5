/**
 * Tests of batches whose images are made on the WebGPU device, against those of the host.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { DataLoader } from "../../src/data/data_loader.ts";
import type { Dataset, Image } from "../../src/data/dataset.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist.ts";
import {
  centerCrop,
  compose,
  resize,
  toTensor,
  type Transform,
} from "../../src/data/transforms.ts";
import { ShapeError } from "../../src/errors.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";

const TRANSFORMS: Record<string, [Transform, isOnDevice: boolean]> = {
  "toTensor()": [toTensor(), true],
  "resize(100) and toTensor()": [compose([resize(100), toTensor()]), true],
  // Not known to the device: made on the host.
  "centerCrop(20) and toTensor()": [
    compose([centerCrop(20), toTensor()]),
    false,
  ],
  "toTensor() and resize(30)": [
    compose([toTensor(), resize(30)]),
    false,
  ],
};

for (const [name, [transforms, isOnDevice]] of Object.entries(TRANSFORMS)) {
  webgpuTest(`DataLoader on WebGPU: ${name} is the host's`, async () => {
    await use("webgpu");
    const { test } = await loadFashionMnist({
      source: "sample",
      testSamples: 10,
      batchSize: 4,
      transforms,
    });
    const before = tf.memory().numTensors;
    const written = _countWrites();
    let first = 0;
    for await (const { images, labels } of test) {
      const size = images.shape[0];
      const indices = Array.from({ length: size }, (_, i) => first + i);
      const expected = test.loadBatch(indices);
      assertEquals(images.shape, expected.shape);
      assertEquals(await labels.data(), expected.labels);
      // Interpolation and division are rounded to float32 in another order.
      assertClose(await images.data(), expected.images, { absolute: 1e-6 });
      first += size;
    }
    assertEquals(first, 10);
    assertEquals(tf.memory().numTensors, before);
    // Bytes go to the device where it scales them, float32 values do not.
    assertEquals(written(), isOnDevice ? 10 * 784 : 0);
  });
}

webgpuTest(
  "DataLoader on WebGPU refuses images of differing shapes",
  async () => {
    await use("webgpu");
    const image = (height: number): Image => ({
      data: new Uint8Array(height * 2),
      height,
      width: 2,
      channels: 1,
      maxValue: 255,
    });
    for (const heights of [[3, 4], [3, 3, 4, 4]]) {
      const dataset: Dataset = {
        length: heights.length,
        classNames: ["a"],
        get: (i) => ({ image: image(heights[i]), label: 0 }),
      };
      const loader = new DataLoader(dataset, { batchSize: 2 });
      await assertRejects(
        async () => {
          for await (const _ of loader);
        },
        ShapeError,
        "is not [3,2,1], that of sample 0",
      );
    }
  },
);

webgpuTest(
  "DataLoader on WebGPU resizes images of differing sizes on the host",
  async () => {
    await use("webgpu");
    const dataset: Dataset = {
      length: 2,
      classNames: ["a"],
      get: (i) => ({
        image: {
          data: new Uint8Array((i + 2) ** 2).fill(51),
          height: i + 2,
          width: i + 2,
          channels: 1,
          maxValue: 255,
        },
        label: 0,
      }),
    };
    const transform = compose([resize(5), toTensor()]);
    const loader = new DataLoader(dataset, { batchSize: 2, transform });
    for await (const { images } of loader) {
      assertEquals(images.shape, [2, 5, 5, 1]);
      assertClose(await images.data(), new Array(50).fill(0.2), {
        absolute: 1e-6,
      });
    }
  },
);

/** Counts the bytes that are written to the device in words, until the result is called. */
function _countWrites(): () => number {
  const { queue } = tf.backend() as unknown as { queue: GPUQueue };
  const { writeBuffer } = queue;
  let count = 0;
  queue.writeBuffer = function (buffer, offset, data, ...rest) {
    if (data instanceof Uint32Array) count += data.byteLength;
    return writeBuffer.call(queue, buffer, offset, data, ...rest);
  };
  return () => {
    queue.writeBuffer = writeBuffer;
    return count;
  };
}
