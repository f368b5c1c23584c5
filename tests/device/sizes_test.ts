/** Tests of cutting batches into parts that bindings may begin at. */

import { cutImages, imageStep } from "../../src/device/sizes.ts";
import { imagesOf } from "../../src/device/webgpu/run/dispatch.ts";
import { assert, assertEquals } from "@std/assert";

const STEPS: [sizes: number[], step: number][] = [
  [[64], 1],
  [[32], 2],
  [[96], 2],
  [[48], 4],
  [[1], 64],
  [[99], 64],
  [[6 * 64, 5 * 32], 2],
  [[4, 64], 16],
  // AlexNet's first convolution: its input and its pooled output.
  [[224 * 224, 26 * 26 * 96], 1],
];
for (const [sizes, expected] of STEPS) {
  Deno.test(`imageStep() of ${sizes} is ${expected}`, () => {
    assertEquals(imageStep(sizes), expected);
    // Bindings begin at multiples of 256 bytes.
    for (const size of sizes) assertEquals(expected * size * 4 % 256, 0);
  });
}

/** Numbers of an image, the step and the most bytes: images of each part. */
const CUTS: readonly (readonly [
  what: string,
  batch: number,
  limits: readonly [size: number, step: number, maxBytes: number],
  counts: readonly number[],
])[] = [
  ["all fit", 10, [5, 1, 200], [10]],
  ["a byte short", 10, [5, 1, 199], [5, 5]],
  ["a rest", 10, [5, 1, 80], [4, 4, 2]],
  ["equal parts", 9, [5, 1, 80], [3, 3, 3]],
  ["one each", 3, [5, 1, 39], [1, 1, 1]],
  ["none fits", 2, [5, 1, 19], [2]],
  ["AlexNet's first, llvmpipe", 128, [54 * 54 * 96, 1, 2 ** 27], [64, 64]],
  // As above, but parts begin at a multiple of some images.
  ["three fit, by two", 5, [5, 2, 60], [2, 2, 1]],
  ["eleven fit, by four", 15, [5, 4, 220], [8, 7]],
  ["ten fit, by four, with a rest", 11, [5, 4, 200], [8, 3]],
  ["three fit, by four", 15, [5, 4, 79], [15]],
  ["all fit, fewer than the step", 3, [5, 64, 60], [3]],
];
for (const [what, batch, [size, step, maxBytes], counts] of CUTS) {
  Deno.test(`cutImages() of ${batch} where ${what} is ${counts}`, () => {
    const parts = cutImages(batch, { size, step, maxBytes });
    assertEquals(parts.map(({ count }) => count), counts);
    assertCover(parts, batch);
  });
}

Deno.test("cutImages() cuts within its limits whatever they are", () => {
  for (const step of [1, 2, 16]) {
    for (let most = 1; most <= 40; most += 3) {
      for (let batch = 1; batch <= 50; batch++) {
        const size = 7;
        const maxBytes = (most * size + 6) * 4;
        const parts = cutImages(batch, { size, step, maxBytes });
        assertCover(parts, batch);
        if (batch <= most || step > most) {
          assertEquals(parts.length, 1);
          continue;
        }
        for (const { begin, count } of parts) {
          assertEquals(begin % step, 0);
          assert(count * size * 4 <= maxBytes);
        }
        // No more than it takes.
        const mostOfPart = Math.floor(most / step) * step;
        assert(parts.length <= Math.ceil(batch / mostOfPart));
      }
    }
  }
});

Deno.test("imagesOf() is the images of a part and where they begin", () => {
  const dataId = {};
  const tensor = { dataId, shape: [7, 4, 5, 3], dtype: "float32" } as const;
  const info = { ...tensor, shape: [...tensor.shape] };
  assertEquals(imagesOf(info, { begin: 4, count: 3 }), {
    dataId,
    dtype: "float32",
    shape: [3, 4, 5, 3],
    first: 240,
  });
  assertEquals(imagesOf(info, { begin: 0, count: 7 }), { ...info, first: 0 });
});

/** Parts are in order, without a gap and none is empty. */
function assertCover(
  parts: readonly { begin: number; count: number }[],
  batch: number,
): void {
  let next = 0;
  for (const { begin, count } of parts) {
    assertEquals(begin, next);
    assert(count > 0);
    next += count;
  }
  assertEquals(next, batch);
}
