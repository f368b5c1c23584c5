/**
 * Tests of random erasing: rectangles and images against torchvision's for the same draws (tests/golden/color.json, written
 * by scripts/record_color.py), and statistics against the definition.
 */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import {
  randomErasing,
  type RandomErasingOptions,
} from "../../../src/data/transforms/random_erasing.ts";
import { takeApart } from "../../../src/data/transforms/transform.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import { OptionError, ShapeError } from "../../../src/errors.ts";
import { uniforms } from "../../../src/random.ts";
import { assertClose } from "../../compare.ts";
import golden from "../../golden/color.json" with { type: "json" };

/** Standard deviations that a count or a mean may be off; chance alone exceeds this for one in 1.7 million seeds. */
const SIGMAS = 5;

const SQUARE = { p: 1, ratio: [1, 1] } as const;

function numbers(listed: string): number[] {
  return listed.split(" ").map(Number);
}

function seeded(seed: number): () => number {
  let offset = 0;
  return () => uniforms(1, { seed, stream: 9, offset: offset++ })[0];
}

function black(height: number, width: number, channels = 1): Image {
  const data = new Uint8Array(height * width * channels);
  return { data, height, width, channels, maxValue: 255 };
}

/** Finds what was erased of a black image of one channel with 1, and checks that it is a full rectangle. */
function rectangleOf({ data, height, width }: Image) {
  const places = Array.from(data.keys()).filter((i) => data[i] === 1);
  if (places.length === 0) return undefined;
  const rows = places.map((i) => Math.floor(i / width));
  const columns = places.map((i) => i % width);
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const size = {
    height: Math.max(...rows) - top + 1,
    width: Math.max(...columns) - left + 1,
  };
  assertEquals(places.length, size.height * size.width);
  assert(size.height < height && size.width < width);
  return { top, left, ...size };
}

function rectangles(
  image: Image,
  options: RandomErasingOptions & { count: number; seed: number },
) {
  const random = seeded(options.seed);
  const erase = randomErasing({ value: 1, ...options });
  return Array.from(
    { length: options.count },
    () => rectangleOf(erase(image, random)),
  );
}

for (
  const [i, { options, draws, image: expected }] of golden.erasings.entries()
) {
  Deno.test(`randomErasing() is torchvision's for the recorded draws ${i}`, () => {
    const left = draws.values();
    const image = toTensor()({
      ...black(golden.height, golden.width, 3),
      data: Uint8Array.from(numbers(golden.images[0])),
    });
    const erase = randomErasing(options as RandomErasingOptions);
    const result = erase(image, () => {
      const { value, done } = left.next();
      if (done) throw new Error(`more than ${draws.length} draws`);
      return value;
    });
    assertClose(result.data, numbers(expected), { absolute: 1e-6 });
    assertEquals(left.next().done, true, "a draw is left");
  });
}

Deno.test("randomErasing() erases parts of the areas and ratios asked for, up to rounding, with probability p", () => {
  const [image, count, p] = [black(40, 30), 1000, 0.3];
  const found = rectangles(image, { p, count, seed: 1 });
  const erased = found.filter((r) => r !== undefined);
  const deviation = Math.sqrt(count * p * (1 - p));
  assert(Math.abs(erased.length - count * p) < SIGMAS * deviation);
  const [minArea, maxArea] = [0.02 * 40 * 30, 0.33 * 40 * 30];
  for (const { height, width } of erased) {
    assert((height + 0.5) * (width + 0.5) >= minArea);
    assert((height - 0.5) * (width - 0.5) <= maxArea);
    assert((height + 0.5) / (width - 0.5) >= 0.3);
    assert((height - 0.5) / (width + 0.5) <= 3.3);
  }
});

Deno.test("randomErasing() draws areas uniformly and ratios uniformly in their logarithm", () => {
  // The part is always far smaller than the image, so that no attempt fails and makes the distribution another one.
  const [image, count] = [black(60, 60), 1000];
  const [min, max] = [0.04, 0.16];
  const squares = rectangles(image, {
    ...SQUARE,
    scale: [min, max],
    count,
    seed: 2,
  });
  const areas = squares.map((r) => r!.height * r!.width);
  const mean = areas.reduce((sum, area) => sum + area) / count;
  // Of a uniform distribution; rounding a side adds 1/12 to the mean of its square.
  const deviation = (max - min) * 3600 / Math.sqrt(12 * count);
  const expected = (min + max) / 2 * 3600 + 1 / 12;
  assert(Math.abs(mean - expected) < SIGMAS * deviation);

  const logarithmic = { p: 1, scale: [0.05, 0.05], ratio: [0.25, 4] } as const;
  const parts = rectangles(image, { ...logarithmic, count, seed: 3 });
  // Uniform ratios would make four out of five parts tall.
  const tall = parts.filter((r) => r!.height > r!.width).length;
  const wide = parts.filter((r) => r!.height < r!.width).length;
  assert(Math.abs(tall - wide) < SIGMAS * Math.sqrt(tall + wide));
});

Deno.test("randomErasing() puts the part wherever it fits, each place as likely as any other", () => {
  const [image, count] = [black(4, 4), 1800];
  const scale = [0.25, 0.25] as const;
  const found = rectangles(image, { ...SQUARE, scale, count, seed: 4 });
  const counts = new Map<string, number>();
  for (const part of found) {
    assertEquals([part!.height, part!.width], [2, 2]);
    const place = `${part!.top},${part!.left}`;
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  assertEquals(counts.size, 9);
  const deviation = Math.sqrt(count * (1 / 9) * (8 / 9));
  for (const n of counts.values()) {
    assert(Math.abs(n - count / 9) < SIGMAS * deviation);
  }
});

Deno.test('randomErasing() with value "random" puts independent standard normal numbers, as float32 into uint8 as well', () => {
  const image = black(50, 50, 3);
  const options = { ...SQUARE, scale: [0.8, 0.8], value: "random" } as const;
  const { data, maxValue } = randomErasing(options)(image, seeded(5));
  assert(data instanceof Float32Array && maxValue === 255);
  assertEquals(image, black(50, 50, 3));
  const noise = Array.from(data).filter((v) => v !== 0);
  const n = noise.length;
  assertEquals(n, 45 * 45 * 3);
  const moment = (power: number, lag = 0) =>
    noise.reduce((sum, v, i) => sum + v * (noise[i + lag] ?? 0) ** power, 0) /
    n;
  // Standard deviations of the means of x, x^2, x^4 and of products: 1, sqrt(2), sqrt(96) and 1, over sqrt(n).
  const bound = SIGMAS / Math.sqrt(n);
  assert(Math.abs(moment(0)) < bound);
  assert(Math.abs(moment(1) - 1) < Math.sqrt(2) * bound);
  assert(Math.abs(moment(3) - 3) < Math.sqrt(96) * bound);
  for (const lag of [1, 2, 3]) assert(Math.abs(moment(1, lag)) < bound);
});

Deno.test("randomErasing() gives the same for the same random numbers, and else something else", () => {
  const image = toTensor()(black(20, 20, 3));
  const erase = randomErasing({ p: 1, value: "random" });
  assertEquals(erase(image, seeded(6)), erase(image, seeded(6)));
  assertNotEquals(erase(image, seeded(6)), erase(image, seeded(7)));
});

Deno.test("randomErasing() keeps dtype, channels and what is outside the part, and does not modify its input", () => {
  for (const channels of [1, 2, 3, 4]) {
    const data = new Uint8Array(120 * channels).map((_, i) => i % 100);
    const image = { ...black(12, 10, channels), data };
    const value = [200, 201, 202, 203].slice(0, channels);
    const result = randomErasing({ p: 1, value })(image, seeded(channels));
    assert(result.data instanceof Uint8Array);
    assertEquals({ ...result, data }, image);
    let numErased = 0;
    for (const [i, after] of result.data.entries()) {
      if (after === i % 100) continue;
      assertEquals(after, value[i % channels]);
      numErased++;
    }
    assert(numErased > 0 && numErased < data.length);
    assertEquals(data, data.map((_, i) => i % 100));
  }
});

Deno.test("randomErasing() returns the image as it is when nothing is erased", () => {
  const image = black(8, 8);
  assertStrictEquals(randomErasing({ p: 0, value: 1 })(image), image);
  const whole = { ...SQUARE, scale: [1, 1], value: 1 } as const;
  assertStrictEquals(randomErasing(whole)(image), image);
  const none = { p: 1, scale: [0, 0], value: "random" } as const;
  assertStrictEquals(randomErasing(none)(image), image);
});

Deno.test("randomErasing() refuses values that do not fit the image, whether or not it would erase", () => {
  const erase = (value: number | number[], image: Image) =>
    randomErasing({ p: 0, value })(image);
  assertThrows(
    () => erase([1, 2], black(4, 4, 3)),
    ShapeError,
    "an image of 3 channel(s) as value has 2 numbers",
  );
  for (const value of [0.5, -1, 256]) {
    assertThrows(
      () => erase(value, black(4, 4)),
      ShapeError,
      "put toTensor() before randomErasing()",
    );
    erase(value, toTensor()(black(4, 4)));
  }
});

Deno.test("randomErasing() refuses options that are out of range", () => {
  const wrong: RandomErasingOptions[] = [
    { p: 1.1 },
    { p: NaN },
    { scale: [-0.1, 0.3] },
    { scale: [0.4, 0.3] },
    { scale: [0.5, 1.1] },
    { scale: [0.5] as unknown as [number, number] },
    { ratio: [0, 1] },
    { ratio: [2, 1] },
    { ratio: [1, Infinity] },
    { value: NaN },
    { value: [] },
    { value: "noise" as "random" },
  ];
  for (const options of wrong) {
    const [name] = Object.keys(options);
    const start = `Cannot use ${name} as it must be`;
    assertThrows(() => randomErasing(options), OptionError, start);
  }
});

Deno.test("randomErasing() says what it does", () => {
  const [part] = takeApart(randomErasing({ p: 0.25 }));
  assertEquals(part.description, "erase a random part with probability 0.25");
  assertEquals(part.onDevice, undefined);
});
