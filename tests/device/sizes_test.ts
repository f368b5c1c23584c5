/**
 * Tests of cutting batches into parts that bindings may begin at.
 *
 * @module
 */

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

interface Cut {
  readonly what: string;
  readonly batch: number;
  readonly size: number;
  readonly step: number;
  readonly maxBytes: number;
  /** Images of each part. */
  readonly counts: readonly number[];
}

const FIVE = { size: 5, step: 1 };

const CUTS: readonly Cut[] = [
  { what: "all fit", ...FIVE, batch: 10, maxBytes: 200, counts: [10] },
  { what: "a byte short", ...FIVE, batch: 10, maxBytes: 199, counts: [5, 5] },
  { what: "a rest", ...FIVE, batch: 10, maxBytes: 80, counts: [4, 4, 2] },
  { what: "equal parts", ...FIVE, batch: 9, maxBytes: 80, counts: [3, 3, 3] },
  { what: "one each", ...FIVE, batch: 3, maxBytes: 39, counts: [1, 1, 1] },
  { what: "none fits", ...FIVE, batch: 2, maxBytes: 19, counts: [2] },
  {
    what: "AlexNet's first convolution on llvmpipe",
    batch: 128,
    size: 54 * 54 * 96,
    step: 1,
    maxBytes: 2 ** 27,
    counts: [64, 64],
  },
  // As above, but parts begin at a multiple of some images.
  {
    what: "three fit, by two",
    batch: 5,
    size: 5,
    step: 2,
    maxBytes: 60,
    counts: [2, 2, 1],
  },
  {
    what: "eleven fit, by four",
    batch: 15,
    size: 5,
    step: 4,
    maxBytes: 220,
    counts: [8, 7],
  },
  {
    what: "ten fit, by four, with a rest",
    batch: 11,
    size: 5,
    step: 4,
    maxBytes: 200,
    counts: [8, 3],
  },
  {
    what: "three fit, by four",
    batch: 15,
    size: 5,
    step: 4,
    maxBytes: 79,
    counts: [15],
  },
  {
    what: "all fit, fewer than the step",
    batch: 3,
    size: 5,
    step: 64,
    maxBytes: 60,
    counts: [3],
  },
];
for (const { what, batch, counts, ...limits } of CUTS) {
  Deno.test(`cutImages() of ${batch} where ${what} is ${counts}`, () => {
    const parts = cutImages(batch, limits);
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
