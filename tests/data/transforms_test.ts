/**
 * Tests of transforms, bilinear interpolation among them, against plain references and values computed by hand.
 *
 * @module
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { Image } from "../../src/data/dataset.ts";
import {
  centerCrop,
  compose,
  normalize,
  resize,
  toTensor,
} from "../../src/data/transforms.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { uniforms } from "../../src/random.ts";

function image(height: number, width: number, channels = 1): Image {
  const length = height * width * channels;
  const random = uniforms(length, { seed: length, stream: 7 });
  const data = Uint8Array.from(random, (value) => value * 256);
  return { data, height, width, channels, maxValue: 255 };
}

function grey(height: number, width: number, values: number[]): Image {
  const data = Uint8Array.from(values);
  return { data, height, width, channels: 1, maxValue: 255 };
}

/** The definition of PyTorch's documentation, one output value at a time, in float64. */
function resized(input: Image, height: number, width: number): number[] {
  const at = (y: number, x: number, c: number): number =>
    input.data[(y * input.width + x) * input.channels + c];
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    const sy = Math.max(0, (input.height / height) * (y + 0.5) - 0.5);
    const y0 = Math.min(Math.floor(sy), input.height - 1);
    const y1 = Math.min(y0 + 1, input.height - 1);
    for (let x = 0; x < width; x++) {
      const sx = Math.max(0, (input.width / width) * (x + 0.5) - 0.5);
      const x0 = Math.min(Math.floor(sx), input.width - 1);
      const x1 = Math.min(x0 + 1, input.width - 1);
      const [v, u] = [sy - y0, sx - x0];
      for (let c = 0; c < input.channels; c++) {
        out.push(
          (1 - v) * (1 - u) * at(y0, x0, c) + (1 - v) * u * at(y0, x1, c) +
            v * (1 - u) * at(y1, x0, c) + v * u * at(y1, x1, c),
        );
      }
    }
  }
  return out;
}

Deno.test("resize() doubles a row as computed by hand", () => {
  // Positions -0.25 (clamped to 0), 0.25, 0.75, 1.25 (past the last pixel).
  const { data, height, width } = resize([1, 4])(grey(1, 2, [10, 50]));
  assertEquals([height, width], [1, 4]);
  assertEquals([...data], [10, 20, 40, 50]);
});

Deno.test("resize() halves by averaging the middle two, without antialiasing", () => {
  assertEquals([...resize([1, 1])(grey(1, 4, [0, 10, 30, 200])).data], [20]);
  assertEquals([...resize(1)(grey(2, 2, [1, 2, 3, 5])).data], [2.75]);
});

Deno.test("resize() enlarges one pixel to one colour", () => {
  assertEquals([...resize([2, 3])(grey(1, 1, [9])).data], Array(6).fill(9));
});

Deno.test("resize() equals a plain reference at odd sizes", () => {
  const transform = resize([17, 5]);
  for (
    const input of [
      image(3, 7),
      image(28, 28),
      image(1, 9, 3),
      image(31, 2, 4),
      image(28, 28, 2),
      image(3, 7),
    ]
  ) {
    const { data, channels, maxValue } = transform(input);
    assert(data instanceof Float32Array);
    assertEquals([channels, maxValue], [input.channels, 255]);
    const expected = resized(input, 17, 5);
    assertEquals(data.length, expected.length);
    expected.forEach((value, i) => assertAlmostEquals(data[i], value, 1e-4));
  }
});

Deno.test("resize() from 28 to 224 equals a plain reference", () => {
  const input = image(28, 28);
  const { data } = resize(224)(input);
  const expected = resized(input, 224, 224);
  expected.forEach((value, i) => assertAlmostEquals(data[i], value, 1e-4));
});

Deno.test("resize() returns an image of that size as it is", () => {
  const input = image(4, 6);
  assertStrictEquals(resize([4, 6])(input), input);
});

Deno.test("resize() gives each image its own memory and leaves its input alone", () => {
  const input = image(5, 5);
  const before = input.data.slice();
  const transform = resize(8);
  const first = transform(input);
  const values = first.data.slice();
  transform(image(5, 5, 3));
  transform(grey(5, 5, Array(25).fill(0)));
  assertEquals(first.data, values);
  assertEquals(input.data, before);
});

Deno.test("resize() refuses sizes that cannot be", () => {
  for (
    const size of [0, -1, 1.5, NaN, [3, 0]] as (number | [number, number])[]
  ) {
    assertThrows(() => resize(size), OptionError, "positive integer");
  }
});

Deno.test("toTensor() divides by the value of white", () => {
  const { data, maxValue } = toTensor()(grey(1, 3, [0, 51, 255]));
  assertEquals(data, Float32Array.of(0, 0.2, 1));
  assertEquals(maxValue, 1);
});

Deno.test("toTensor() returns a scaled image as it is", () => {
  const scaled = toTensor()(image(2, 2));
  assertStrictEquals(toTensor()(scaled), scaled);
});

Deno.test("compose() applies transforms first to last", () => {
  const transform = compose([centerCrop(2), toTensor(), resize(3)]);
  const { data, height, width } = transform(
    grey(2, 4, [9, 255, 0, 9, 9, 255, 0, 9]),
  );
  assertEquals([height, width], [3, 3]);
  assertEquals([...data], [1, 0.5, 0, 1, 0.5, 0, 1, 0.5, 0]);
  const input = image(2, 2);
  assertStrictEquals(compose([])(input), input);
});

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

Deno.test("normalize() subtracts and divides per channel", () => {
  const input: Image = {
    data: Float32Array.of(0, 0.5, 1, 0.25),
    height: 2,
    width: 1,
    channels: 2,
    maxValue: 1,
  };
  const per = normalize({ mean: [0.5, 0.25], std: [0.5, 0.25] })(input);
  assertEquals([...per.data], [-1, 1, 1, 0]);
  const all = normalize({ mean: 0.5, std: 0.25 })(input);
  assertEquals([...all.data], [-2, 0, 2, -1]);
  assertEquals([...input.data], [0, 0.5, 1, 0.25]);
});

Deno.test("normalize() must come after toTensor()", () => {
  assertThrows(
    () => normalize({ mean: 0, std: 1 })(image(1, 1)),
    ShapeError,
    "put toTensor() before normalize()",
  );
});

Deno.test("normalize() refuses numbers that cannot be", () => {
  assertThrows(() => normalize({ mean: NaN, std: 1 }), OptionError, "mean");
  assertThrows(() => normalize({ mean: 0, std: [1, 0] }), OptionError, "std");
  assertThrows(() => normalize({ mean: [], std: 1 }), OptionError, "mean");
  const scaled = toTensor()(image(1, 1, 3));
  const two = normalize({ mean: [0, 0], std: 1 });
  assertThrows(() => two(scaled), ShapeError, "3 channel(s) as mean has 2");
});
