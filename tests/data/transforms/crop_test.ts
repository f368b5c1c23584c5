/** Tests of cropping and mirroring; see crop_golden_test.ts for torchvision. */

import type { BatchPlan } from "../../../src/data/loader/batch.ts";
import { randomOf } from "../../../src/data/loader/host_batch.ts";
import {
  centerCrop,
  randomCrop,
  type RandomCropOptions,
  randomFlipLeftRight,
  randomHorizontalFlip,
} from "../../../src/data/transforms/crop.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import type { PaddingMode, Size } from "../../../src/data/transforms/mod.ts";
import { OptionError, ShapeError } from "../../../src/errors.ts";
import { drawing, grey, image } from "./images.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

const input = image(5, 6);
const colours = image(5, 6, 3);

/** None of them one, two or four integers of at least 0. */
const PADDINGS = [-1, 0.5, NaN, [], [1, 2, 3], [1, 1, 1, -1], [1, 1, 1, 1, 1]];

Deno.test("centerCrop() cuts out the middle of every channel", () => {
  const input = image(4, 6, 2);
  const { data, height, width } = centerCrop([2, 4])(input);
  assertEquals([height, width], [2, 4]);
  const rows = [1, 2].flatMap((y) => [
    ...input.data.subarray((y * 6 + 1) * 2, (y * 6 + 5) * 2),
  ]);
  assertEquals([...data], rows);
  assert(data instanceof Uint8Array);
});

Deno.test("centerCrop() rounds half an offset to even, like torchvision", () => {
  const row = grey(1, 6, [0, 1, 2, 3, 4, 5]);
  assertEquals([...centerCrop([1, 5])(row).data], [0, 1, 2, 3, 4]);
  assertEquals([...centerCrop([1, 3])(row).data], [2, 3, 4]);
  assertEquals([...centerCrop([1, 1])(row).data], [2]);
});

Deno.test("centerCrop() refuses to cut more than there is", () => {
  assertThrows(() => centerCrop(3)(image(2, 9)), ShapeError, "3x3 out of 2x9");
  assertThrows(() => centerCrop(0), OptionError);
});

Deno.test("randomCrop() finds each place as often as any other", () => {
  // The pixel at row 1, column 1 of the crop tells which of the 5x5 places it is at.
  const input = grey(5, 6, Array.from({ length: 30 }, (_, i) => i));
  const transform = randomCrop([3, 4], { padding: 1 });
  const count = 10_000;
  const batch = _manySamples(count);
  const seen = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const at = transform(input, randomOf(batch, i)).data[5];
    seen.set(at, (seen.get(at) ?? 0) + 1);
  }
  const places = Array.from(
    { length: 25 },
    (_, i) => Math.floor(i / 5) * 6 + i % 5,
  );
  assertEquals([...seen.keys()].toSorted((a, b) => a - b), places);
  const expected = count / 25;
  const chiSquare = [...seen.values()]
    .reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  // With 24 degrees of freedom, one in a thousand is above.
  assertLess(chiSquare, 51.2);
});

Deno.test("randomCrop() stays inside for the least and the greatest number", () => {
  const input = grey(2, 3, [1, 2, 3, 4, 5, 6]);
  const greatest = 1 - 2 ** -53;
  assertEquals([...randomCrop(1)(input, () => 0).data], [1]);
  assertEquals([...randomCrop(1)(input, () => greatest).data], [6]);
});

Deno.test("randomCrop() draws two numbers even where there is one place", () => {
  for (const padIfNeeded of [false, true]) {
    const { random, left } = drawing([0.9, 0.9]);
    const result = randomCrop([5, 6], { padIfNeeded })(colours, random);
    assertEquals(result.data, colours.data);
    assertEquals(left(), 0);
  }
});

Deno.test("randomCrop() and randomHorizontalFlip() depend on the numbers drawn alone", () => {
  for (
    const transform of [randomCrop(3, { padding: 2 }), randomHorizontalFlip()]
  ) {
    const [a, b, c] = [1, 1, 2].map((seed) => {
      const batch = _manySamples(20, seed);
      return Array.from(
        { length: 20 },
        (_, i) => [...transform(input, randomOf(batch, i)).data],
      );
    });
    assertEquals(a, b);
    assertNotEquals(a, c);
    assertEquals(transform(input).channels, 1);
  }
});

Deno.test("randomCrop() refuses to cut more than there is", () => {
  const random = () => 0;
  for (
    const [size, options, message] of [
      [[6, 6], {}, "6x6 out of 5x6"],
      [[5, 7], {}, "5x7 out of 5x6"],
      [[6, 9], { padding: 1 }, "6x9 out of 7x8"],
      [[9, 6], { padding: [5, 1] }, "9x6 out of 7x16"],
    ] as [Size, RandomCropOptions, string][]
  ) {
    const crop = randomCrop(size, options);
    assertThrows(() => crop(input, random), ShapeError, message);
  }
});

Deno.test("randomCrop() refuses to mirror more than there is", () => {
  const MOST: [PaddingMode, number, number][] = [
    ["reflect", 5, 4],
    ["symmetric", 6, 5],
  ];
  for (const [paddingMode, across, down] of MOST) {
    const pad = (padding: number[]) => () =>
      randomCrop(3, { paddingMode, padding })(input);
    for (const side of [0, 1, 2, 3]) {
      const most = side % 2 ? down : across;
      pad([0, 1, 2, 3].map((i) => i === side ? most : 0))();
      const more = [0, 1, 2, 3].map((i) => i === side ? most + 1 : 0);
      assertThrows(pad(more), ShapeError, "use less padding");
    }
    const fit = (size: Size) => () =>
      randomCrop(size, { paddingMode, padIfNeeded: true })(input);
    fit([5 + down, 6 + across])();
    assertThrows(fit([5, 7 + across]), ShapeError, "mirrors the image once");
    assertThrows(fit([6 + down, 6]), ShapeError, "mirrors the image once");
  }
});

Deno.test("randomCrop() refuses options that cannot be", () => {
  for (const padding of PADDINGS) {
    assertThrows(() => randomCrop(2, { padding }), OptionError, "padding");
  }
  for (const fill of [NaN, Infinity]) {
    assertThrows(() => randomCrop(2, { fill }), OptionError, "fill");
  }
  const paddingMode = "wrap" as PaddingMode;
  assertThrows(() => randomCrop(2, { paddingMode }), OptionError, "edge");
  for (const size of [0, 1.5, [3, -1], [1, 2, 3]] as Size[]) {
    assertThrows(() => randomCrop(size), OptionError, "randomCrop");
  }
});

Deno.test("randomCrop() refuses to fill bytes with what is no byte", () => {
  for (const fill of [-1, 0.5, 256]) {
    const crop = randomCrop(5, { padding: 1, fill });
    assertThrows(() => crop(input), ShapeError, "put toTensor() before");
    const { data } = crop(toTensor()(input), () => 0);
    assertEquals(data.subarray(0, 6), new Float32Array(6).fill(fill));
  }
});

Deno.test("randomHorizontalFlip() flips with its probability, by one number", () => {
  assertStrictEquals(randomFlipLeftRight, randomHorizontalFlip);
  const count = 10_000;
  const batch = _manySamples(count);
  for (const p of [0, 0.25, 0.5, 1]) {
    const flip = randomHorizontalFlip(p === 0.5 ? {} : { p });
    let flips = 0;
    for (let i = 0; i < count; i++) {
      const { random, left } = drawing([randomOf(batch, i)()]);
      if (flip(input, random) !== input) flips++;
      assertEquals(left(), 0);
    }
    // Three standard deviations.
    assert(Math.abs(flips - count * p) <= 3 * Math.sqrt(count * p * (1 - p)));
  }
});

Deno.test("randomHorizontalFlip() never flips with probability 0", () => {
  assertStrictEquals(randomHorizontalFlip({ p: 0 })(input, () => 0), input);
  assertStrictEquals(randomHorizontalFlip()(input, () => 0.5), input);
});

Deno.test("randomHorizontalFlip() refuses a probability that cannot be", () => {
  for (const p of [-0.1, 1.1, NaN]) {
    assertThrows(() => randomHorizontalFlip({ p }), OptionError, "at most 1");
  }
});

function _manySamples(count: number, seed = 3): BatchPlan {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  return { seed, epoch: 0, indices };
}
