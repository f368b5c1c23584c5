/**
 * Tests of cropping and mirroring, against what torchvision makes of the same images at the same places
 * (tests/golden/crops.json, written by scripts/record_crops.py).
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import { type BatchPlan, randomOf } from "../../../src/data/host_batch.ts";
import {
  centerCrop,
  randomCrop,
  type RandomCropOptions,
  randomFlipLeftRight,
  randomHorizontalFlip,
} from "../../../src/data/transforms/crop.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import type { PaddingMode, Size } from "../../../src/data/transforms/window.ts";
import { OptionError, ShapeError } from "../../../src/errors.ts";
import golden from "../../golden/crops.json" with { type: "json" };
import { drawing, grey, image } from "./images.ts";

const { height, width } = golden;
const images = golden.images.map((listed): Image => {
  const data = Uint8Array.from(numbers(listed));
  const channels = data.length / (height * width);
  return { data, height, width, channels, maxValue: 255 };
});

function numbers(listed: string): number[] {
  return listed === "" ? [] : listed.split(" ").map(Number);
}

/** The same values as float32. */
function floats(image: Image): Image {
  return { ...image, data: Float32Array.from(image.data) };
}

function manySamples(count: number, seed = 3): BatchPlan {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  return { seed, epoch: 0, indices };
}

for (const crop of golden.crops) {
  const { padIfNeeded, fill, place, counts, results } = crop;
  const [size, padding] = [numbers(crop.size), numbers(crop.padding)];
  const paddingMode = crop.paddingMode as PaddingMode;
  const needed = padIfNeeded ? " and what is needed" : "";
  const added = `padding ${crop.padding || "none"}${needed} (${paddingMode})`;
  Deno.test(`randomCrop() to ${crop.size} is torchvision's with ${added}`, () => {
    const transform = randomCrop(size as unknown as Size, {
      // One number is given as it is, by itself.
      padding: padding.length > 1 ? padding : padding[0],
      padIfNeeded,
      fill,
      paddingMode,
    });
    const of = numbers(counts);
    const draws = numbers(place).map((at, i) => (at + 0.5) / of[i]);
    for (const [i, image] of images.entries()) {
      for (const input of [image, floats(image)]) {
        const before = input.data.slice();
        const { random, left } = drawing(draws);
        const result = transform(input, random);
        assertEquals([...result.data], numbers(results[i]));
        assertEquals([result.height, result.width], size);
        assertEquals([result.channels, result.maxValue], [
          image.channels,
          255,
        ]);
        assertEquals(result.data.constructor, input.data.constructor);
        assertEquals(left(), 0);
        assertEquals(input.data, before);
      }
    }
  });
}

Deno.test("randomCrop() finds each place as often as any other", () => {
  // The pixel at row 1, column 1 of the crop tells which of the 5x5 places it is at.
  const input = grey(5, 6, Array.from({ length: 30 }, (_, i) => i));
  const transform = randomCrop([3, 4], { padding: 1 });
  const count = 10_000;
  const batch = manySamples(count);
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
    const result = randomCrop([5, 6], { padIfNeeded })(images[1], random);
    assertEquals(result.data, images[1].data);
    assertNotEquals(result.data.buffer, undefined);
    assertEquals(left(), 0);
  }
});

Deno.test("randomCrop() and randomHorizontalFlip() depend on the numbers drawn alone", () => {
  for (
    const transform of [randomCrop(3, { padding: 2 }), randomHorizontalFlip()]
  ) {
    const [a, b, c] = [1, 1, 2].map((seed) => {
      const batch = manySamples(20, seed);
      return Array.from(
        { length: 20 },
        (_, i) => [...transform(images[0], randomOf(batch, i)).data],
      );
    });
    assertEquals(a, b);
    assertNotEquals(a, c);
    assertEquals(transform(images[0]).channels, 1);
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
    assertThrows(() => crop(images[0], random), ShapeError, message);
  }
});

Deno.test("randomCrop() refuses to mirror more than there is", () => {
  const MOST: [PaddingMode, number, number][] = [
    ["reflect", 5, 4],
    ["symmetric", 6, 5],
  ];
  for (const [paddingMode, across, down] of MOST) {
    const pad = (padding: number[]) => () =>
      randomCrop(3, { paddingMode, padding })(images[0]);
    for (const side of [0, 1, 2, 3]) {
      const most = side % 2 ? down : across;
      pad([0, 1, 2, 3].map((i) => i === side ? most : 0))();
      const more = [0, 1, 2, 3].map((i) => i === side ? most + 1 : 0);
      assertThrows(pad(more), ShapeError, "use less padding");
    }
    const fit = (size: Size) => () =>
      randomCrop(size, { paddingMode, padIfNeeded: true })(images[0]);
    fit([5 + down, 6 + across])();
    assertThrows(fit([5, 7 + across]), ShapeError, "mirrors the image once");
    assertThrows(fit([6 + down, 6]), ShapeError, "mirrors the image once");
  }
});

Deno.test("randomCrop() refuses options that cannot be", () => {
  for (
    const padding of [-1, 0.5, NaN, [], [1, 2, 3], [1, 1, 1, -1], [
      1,
      1,
      1,
      1,
      1,
    ]]
  ) {
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
    assertThrows(() => crop(images[0]), ShapeError, "put toTensor() before");
    const { data } = crop(toTensor()(images[0]), () => 0);
    assertEquals(data.subarray(0, 6), new Float32Array(6).fill(fill));
  }
});

Deno.test("randomHorizontalFlip() is torchvision's hflip() with probability 1", () => {
  for (const [i, image] of images.entries()) {
    for (const input of [image, floats(image)]) {
      const before = input.data.slice();
      const result = randomHorizontalFlip({ p: 1 })(input, () => 1 - 2 ** -53);
      assertEquals({ ...result, data: [...result.data] }, {
        ...input,
        data: numbers(golden.flipped[i]),
      });
      assertEquals(result.data.constructor, input.data.constructor);
      assertEquals(input.data, before);
    }
  }
});

Deno.test("randomHorizontalFlip() flips with its probability, by one number", () => {
  assertStrictEquals(randomFlipLeftRight, randomHorizontalFlip);
  const count = 10_000;
  const batch = manySamples(count);
  for (const p of [0, 0.25, 0.5, 1]) {
    const flip = randomHorizontalFlip(p === 0.5 ? {} : { p });
    let flips = 0;
    for (let i = 0; i < count; i++) {
      const { random, left } = drawing([randomOf(batch, i)()]);
      if (flip(images[0], random) !== images[0]) flips++;
      assertEquals(left(), 0);
    }
    // Three standard deviations.
    assert(Math.abs(flips - count * p) <= 3 * Math.sqrt(count * p * (1 - p)));
  }
});

Deno.test("randomHorizontalFlip() refuses a probability that cannot be", () => {
  for (const p of [-0.1, 1.1, NaN]) {
    assertThrows(() => randomHorizontalFlip({ p }), OptionError, "from 0 to 1");
  }
});
