/**
 * Tests of how many images fit a device, and of cutting batches.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { alexnetLayers } from "../../src/models/alexnet.ts";
import { concatenate, maxBatch, sliceBatch } from "../../src/nn/batch.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

Deno.test("maxBatch() has no limit on the CPU", async () => {
  await use("cpu");
  assertEquals(maxBatch(alexnetLayers()), Infinity);
});

webgpuTest("maxBatch() is what the largest activation allows", async () => {
  const { maxBindingBytes } = await use("webgpu");
  // AlexNet's first output is its largest: 119 images in the 128 MiB of llvmpipe.
  const expected = Math.floor(maxBindingBytes / (54 * 54 * 96 * 4));
  assertEquals(maxBatch(alexnetLayers()), expected);
  if (maxBindingBytes === 2 ** 27) assertEquals(expected, 119);
});

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
    const whole = concatenate(parts.map(({ part }) => part));
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
