/**
 * Tests of resizing, against a plain reference and values computed by hand; see resize_golden_test.ts for PyTorch.
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
import type { Image } from "../../../src/data/dataset.ts";
import { resize } from "../../../src/data/transforms/resize.ts";
import { OptionError } from "../../../src/errors.ts";
import { grey, image } from "./images.ts";

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
