/** Tests of how many images fit a device, and of cutting batches. */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { alexnetLayers } from "../../src/models/alexnet.ts";
import { lenet } from "../../src/models/lenet.ts";
import { maxBatch, sliceBatch } from "../../src/nn/batch.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { joinStages, Sequential } from "../../src/nn/sequential.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

Deno.test("maxBatch() has no limit on the CPU", async () => {
  await use("cpu");
  assertEquals(maxBatch(alexnetLayers()), Infinity);
  const net = lenet();
  assertEquals(net.maxBatch(), Infinity);
  net.dispose();
});

webgpuTest("maxBatch() is what the largest activation allows", async () => {
  const { maxBindingBytes } = await use("webgpu");
  // AlexNet's first output is its largest: 119 images in the 128 MiB of llvmpipe.
  const expected = Math.floor(maxBindingBytes / (54 * 54 * 96 * 4));
  assertEquals(maxBatch(alexnetLayers()), expected);
  if (maxBindingBytes === 2 ** 27) assertEquals(expected, 119);
});

webgpuTest(
  "maxBatch() leaves out what max pooling takes in parts that may begin at any image",
  async () => {
    const { maxBindingBytes } = await use("webgpu");
    // AlexNet's largest of what is left: the pooled output of its first convolution.
    const { layers, inputShape } = alexnetLayers();
    assertEquals(
      maxBatch({ layers: fuse(layers), inputShape }),
      Math.floor(maxBindingBytes / (26 * 26 * 96 * 4)),
    );
  },
);

for (const pooling of ["max", "average"] as const) {
  const makeLayers = pooling === "max" ? maxPool2d : averagePool2d;
  /** A convolution to 4 channels and a pooling: 16 bytes a pixel between them, 4 before and after. */
  const layers = () => [
    conv2d({ filters: 4, kernelSize: 3, padding: "same" }),
    makeLayers({ poolSize: 2 }),
  ];
  const largest = (maxBindingBytes: number, side: number) => ({
    side,
    inner: Math.floor(maxBindingBytes / (16 * side ** 2)),
    outer: Math.floor(maxBindingBytes / (4 * side ** 2)),
  });
  const check = ({ side }: { side: number }, expected: number) => {
    const inputShape = [side, side, 1];
    assertEquals(
      maxBatch({ layers: fuse(layers()), inputShape }),
      expected,
    );
    const net = new Sequential({ layers: layers(), inputShape });
    assertEquals(net.maxBatch(), expected);
    net.dispose();
  };

  webgpuTest(
    `maxBatch() of ${pooling} pooling after a convolution where parts may begin at any image`,
    async () => {
      const { maxBindingBytes } = await use("webgpu");
      // More than 64 images do not fit.
      const side = 8 * Math.ceil(Math.sqrt(maxBindingBytes / 1024) / 8);
      const sizes = largest(maxBindingBytes, side);
      assert(sizes.inner <= 64 && sizes.inner < sizes.outer);
      check(sizes, pooling === "max" ? sizes.outer : sizes.inner);
    },
  );

  webgpuTest(
    `maxBatch() of ${pooling} pooling where parts may begin at every 64th image and fit`,
    async () => {
      const { maxBindingBytes } = await use("webgpu");
      const side = 2 * Math.floor(Math.sqrt(maxBindingBytes / 1024) / 2) - 1;
      const sizes = largest(maxBindingBytes, side);
      assert(sizes.inner >= 64 && sizes.inner < sizes.outer);
      check(sizes, pooling === "max" ? sizes.outer : sizes.inner);
    },
  );

  webgpuTest(
    `maxBatch() of ${pooling} pooling where parts may begin at every 64th image and do not fit`,
    async () => {
      const { maxBindingBytes } = await use("webgpu");
      const side = 2 * Math.ceil(Math.sqrt(maxBindingBytes / 1024) / 2) + 1;
      const sizes = largest(maxBindingBytes, side);
      assert(sizes.inner < 64);
      check(sizes, sizes.inner);
    },
  );

  webgpuTest(
    `maxBatch() refuses an image whose output before ${pooling} pooling does not fit`,
    async () => {
      const { maxBindingBytes } = await use("webgpu");
      const side = 8 * Math.ceil((Math.sqrt(maxBindingBytes / 16) + 1) / 8);
      const inputShape = [side, side, 1];
      const bytes = 16 * side ** 2;
      assert(largest(maxBindingBytes, side).outer >= 1);
      assertThrows(
        () => maxBatch({ layers: fuse(layers()), inputShape }),
        ShapeError,
        `it needs a tensor of ${bytes} bytes and the adapter binds at most ${maxBindingBytes}`,
      );
    },
  );
}

webgpuTest(
  "maxBatch() refuses what does not fit even with one image",
  async () => {
    const { maxBindingBytes } = await use("webgpu");
    const side = Math.ceil(Math.sqrt(maxBindingBytes / 4)) + 1;
    const large = { layers: [flatten()], inputShape: [side, side, 1] };
    assertThrows(
      () => maxBatch(large),
      ShapeError,
      `the adapter binds at most ${maxBindingBytes}; use smaller images or fewer units`,
    );
    const units = Math.ceil(maxBindingBytes / 4 / 100) + 1;
    const wide = { layers: [dense({ units })], inputShape: [100] };
    assertThrows(() => maxBatch(wide), ShapeError);
  },
);

webgpuTest("Sequential.maxBatch() is that of the device in use", async () => {
  const { maxBindingBytes } = await use("webgpu");
  const net = lenet();
  const max = net.maxBatch();
  assert(max >= 1 && max <= maxBindingBytes / (28 * 28 * 4));
  await use("cpu");
  assertEquals(net.maxBatch(), Infinity);
  await use("webgpu");
  assertEquals(net.maxBatch(), max);
  net.dispose();
});

const SLICES: [total: number, maxSize: number, sizes: number[]][] = [
  [1, 1, [1]],
  [10, Infinity, [10]],
  [10, 10, [10]],
  [10, 9, [5, 5]],
  [10, 4, [4, 4, 2]],
  [10, 3, [3, 3, 3, 1]],
  [5, 1, [1, 1, 1, 1, 1]],
  [256, 80, [64, 64, 64, 64]],
  // Four parts of at most 3 would do for 9 in 3 parts of 3.
  [9, 4, [3, 3, 3]],
];
for (const [total, maxSize, sizes] of SLICES) {
  Deno.test(`sliceBatch() cuts ${total} by ${maxSize} into ${sizes}`, async () => {
    await use("cpu");
    const batch = tf.tensor2d(numbers(total * 3), [total, 3]);
    const parts = sliceBatch(batch, maxSize);
    assertEquals(parts.map(({ part }) => part.shape[0]), sizes);
    let next = 0;
    for (const { begin, part } of parts) {
      assertEquals(begin, next);
      assert(part.shape[0] <= maxSize);
      next += part.shape[0];
    }
    const whole = tf.concat(parts.map(({ part }) => part));
    assertEquals(await whole.data(), await batch.data());
    if (sizes.length === 1) assertStrictEquals(parts[0].part, batch);
    tf.dispose([batch, whole, ...parts.map(({ part }) => part)]);
  });
}

Deno.test("sliceBatch() keeps the type of labels", async () => {
  await use("cpu");
  const labels = tf.tensor1d([4, 5, 6], "int32");
  const [, { part }] = sliceBatch(labels, 2);
  assertEquals([part.dtype, [...await part.data()]], ["int32", [6]]);
});

/** The layers as they are computed on WebGPU. */
function fuse(layers: readonly Layer[]): Layer[] {
  const stages = layers.map((layer, index) => ({ layer, index, weights: [] }));
  return joinStages(stages).map(({ layer }) => layer);
}
