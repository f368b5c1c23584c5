/**
 * Tests of resizing pictures, against definitions that need no shares of pixels.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import { resample } from "../../../src/data/pictures/fit_image.ts";
import { resize } from "../../../src/data/transforms/mod.ts";

function noise(
  { height, width, channels }: Omit<Image, "data" | "maxValue">,
): Image {
  const data = Uint8Array.from(
    { length: height * width * channels },
    (_, i) => (i * 7919 + 31) % 256,
  );
  return { data, height, width, channels, maxValue: 255 };
}

/** Every pixel repeated `down` x `across` times. */
function repeat(image: Image, [down, across]: [number, number]): Image {
  const { channels } = image;
  const [height, width] = [image.height * down, image.width * across];
  const data = Uint8Array.from(
    { length: height * width * channels },
    (_, i) => {
      const pixel = Math.floor(i / channels);
      const y = Math.floor(Math.floor(pixel / width) / down);
      const x = Math.floor(pixel % width / across);
      return image.data[(y * image.width + x) * channels + i % channels];
    },
  );
  return { ...image, data, height, width };
}

/** The mean of what each pixel covers, once pixels are repeated until they cover whole ones. */
function meanOfParts(
  image: Image,
  { height, width }: { height: number; width: number },
): number[] {
  const whole = repeat(image, [height, width]);
  const [down, across, c] = [image.height, image.width, image.channels];
  return Array.from({ length: height * width * c }, (_, i) => {
    const pixel = Math.floor(i / c);
    const top = Math.floor(pixel / width) * down;
    const left = pixel % width * across;
    let sum = 0;
    for (let y = top; y < top + down; y++) {
      for (let x = left; x < left + across; x++) {
        sum += whole.data[(y * whole.width + x) * c + i % c];
      }
    }
    return sum / (down * across);
  });
}

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    assert(difference < 1e-4, `${actual[i]}, not ${expected[i]}, at ${i}`);
  }
}

for (
  const [from, to] of [
    [[7, 5], [3, 2]],
    [[28, 31], [28, 28]],
    [[9, 64], [4, 3]],
    [[5, 5], [1, 1]],
    [[1, 40], [1, 7]],
  ]
) {
  for (const channels of [1, 3]) {
    Deno.test(`resample() averages what pixels cover, ${from} to ${to} with ${channels} channel(s)`, () => {
      const image = noise({ height: from[0], width: from[1], channels });
      const size = { height: to[0], width: to[1] };
      const { data, ...shape } = resample(image, size);
      assertEquals(shape, { ...size, channels, maxValue: 255 });
      assertNear(data, meanOfParts(image, size));
    });
  }
}

Deno.test("resample() undoes an enlargement that repeats pixels", () => {
  const image = noise({ height: 28, width: 28, channels: 3 });
  for (const times of [2, 3, 8]) {
    const enlarged = repeat(image, [times, times]);
    assertNear(resample(enlarged, image).data, image.data);
  }
});

Deno.test("resample() enlarges as resize() does", () => {
  for (const channels of [1, 3]) {
    const image = noise({ height: 5, width: 3, channels });
    const { data } = resample(image, { height: 12, width: 28 });
    assertNear(data, resize([12, 28])(image).data);
  }
});

Deno.test("resample() shrinks one side and enlarges the other", () => {
  const image = noise({ height: 3, width: 12, channels: 1 });
  const narrow = resample(image, { height: 3, width: 4 });
  const { data } = resample(image, { height: 6, width: 4 });
  assertNear(data, resize([6, 4])(narrow).data);
  const high = noise({ height: 12, width: 3, channels: 3 });
  const low = resample(high, { height: 4, width: 3 });
  const result = resample(high, { height: 4, width: 6 });
  assertNear(result.data, resize([4, 6])(low).data);
});

Deno.test("resample() shrinks long images before it enlarges them", () => {
  const Floats = Float32Array;
  let most = 0;
  globalThis.Float32Array = class extends Floats {
    constructor(length: number) {
      super(length);
      most = Math.max(most, length);
    }
  } as typeof Floats;
  try {
    for (const [height, width] of [[2 ** 16, 1], [1, 2 ** 16]]) {
      const image = noise({ height, width, channels: 1 });
      resample(image, { height: 28, width: 28 });
    }
  } finally {
    globalThis.Float32Array = Floats;
  }
  assertEquals(most, 28 * 28);
});

Deno.test("resample() gives an image of the right size as it is", () => {
  const image = noise({ height: 4, width: 6, channels: 1 });
  assertStrictEquals(resample(image, { height: 4, width: 6 }), image);
});
