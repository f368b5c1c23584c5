/**
 * Tests of random cropping and mirroring, against what torchvision makes of the same images at the same places
 * (tests/golden/crops.json, written by scripts/record_crops.py).
 */

import { assert, assertEquals } from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import {
  randomCrop,
  randomHorizontalFlip,
} from "../../../src/data/transforms/crop.ts";
import type { PaddingMode, Size } from "../../../src/data/transforms/mod.ts";
import { drawing } from "./images.ts";
import golden from "../../golden/crops.json" with { type: "json" };

const { height, width } = golden;
const images = golden.images.map((listed): Image => {
  const data = Uint8Array.from(_numbers(listed));
  const channels = data.length / (height * width);
  return { data, height, width, channels, maxValue: 255 };
});

for (const mode of ["constant", "edge", "reflect", "symmetric"]) {
  const crops = golden.crops.filter(({ paddingMode }) => paddingMode === mode);
  Deno.test(`randomCrop() is torchvision's in the mode ${mode}`, () => {
    assert(crops.length >= 9);
    crops.forEach(_checkCrop);
  });
}

Deno.test("randomHorizontalFlip() is torchvision's hflip() with probability 1", () => {
  for (const [i, image] of images.entries()) {
    for (const input of [image, _floats(image)]) {
      const before = input.data.slice();
      const result = randomHorizontalFlip({ p: 1 })(input, () => 1 - 2 ** -53);
      assertEquals({ ...result, data: [...result.data] }, {
        ...input,
        data: _numbers(golden.flipped[i]),
      });
      assertEquals(result.data.constructor, input.data.constructor);
      assertEquals(input.data, before);
    }
  }
});

function _checkCrop(crop: typeof golden.crops[number]): void {
  const { padIfNeeded, fill, place, counts, results } = crop;
  const [size, padding] = [_numbers(crop.size), _numbers(crop.padding)];
  const transform = randomCrop(size as unknown as Size, {
    // One number is given as it is, by itself.
    padding: padding.length > 1 ? padding : padding[0],
    padIfNeeded,
    fill,
    paddingMode: crop.paddingMode as PaddingMode,
  });
  const of = _numbers(counts);
  const draws = _numbers(place).map((at, i) => (at + 0.5) / of[i]);
  for (const [i, image] of images.entries()) {
    for (const input of [image, _floats(image)]) {
      const what = `size ${crop.size}, padding ${crop.padding}, image ${i}`;
      const before = input.data.slice();
      const { random, left } = drawing(draws);
      const result = transform(input, random);
      assertEquals([...result.data], _numbers(results[i]), what);
      assertEquals([result.height, result.width], size, what);
      assertEquals(result.channels, image.channels, what);
      assertEquals(result.maxValue, 255, what);
      assertEquals(result.data.constructor, input.data.constructor, what);
      assertEquals(left(), 0, what);
      assertEquals(input.data, before, what);
    }
  }
}

function _numbers(listed: string): number[] {
  return listed === "" ? [] : listed.split(" ").map(Number);
}

/** The same values as float32. */
function _floats(image: Image): Image {
  return { ...image, data: Float32Array.from(image.data) };
}
