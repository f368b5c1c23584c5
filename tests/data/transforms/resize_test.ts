/** Tests of resizing, against a plain reference and values computed by hand; see resize_golden_test.ts for PyTorch. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import { compose, resize, toTensor } from "../../../src/data/transforms/mod.ts";
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

Deno.test("resize() halves with the weights 1, 3, 3, 1, and at the edges with what is there", () => {
  const { data } = resize([1, 3])(grey(1, 6, [8, 16, 0, 80, 40, 24]));
  assertEquals([...data], [
    Math.fround((3 * 8 + 3 * 16 + 0) / 7),
    (16 + 0 + 3 * 80 + 40) / 8,
    Math.fround((80 + 3 * 40 + 3 * 24) / 7),
  ]);
  assertEquals([...resize(1)(grey(2, 2, [1, 2, 3, 5])).data], [2.75]);
});

Deno.test("resize() shrinks channels apart from each other, and each side by itself", () => {
  const input = image(12, 9, 3);
  const { data } = resize([5, 20])(input);
  for (let c = 0; c < 3; c++) {
    const one = grey(12, 9, [...input.data].filter((_, i) => i % 3 === c));
    const low = resize([5, 9])(one);
    const expected = resize([5, 20])(low).data;
    assertEquals(data.filter((_, i) => i % 3 === c), expected);
  }
});

Deno.test("resize() makes no more pixels of long images than there are in the end", () => {
  const inputs = [[2 ** 16, 1], [1, 2 ** 16]].map(([h, w]) => image(h, w));
  const fits = ["stretch", "crop", "pad"] as const;
  const transforms = fits.map((fit) => resize(28, { fit }));
  const Floats = Float32Array;
  let most = 0;
  globalThis.Float32Array = class extends Floats {
    constructor(length: number) {
      super(length);
      most = Math.max(most, length);
    }
  } as typeof Floats;
  try {
    for (const transform of transforms) inputs.forEach((one) => transform(one));
  } finally {
    globalThis.Float32Array = Floats;
  }
  assertEquals(most, 28 * 28);
});

Deno.test("resize() pads with the background, less of it at the top and left, in either order with toTensor()", () => {
  const white = grey(2, 4, Array(8).fill(255));
  const options = { fit: "pad", background: 51 } as const;
  const expected = [255, 255, 255, 255, 255, 255, 51, 51, 51];
  assertEquals([...resize(3, options)(white).data], expected);
  const scaled = Float32Array.from(expected, (value) => value / 255);
  const [size, scale] = [resize(3, options), toTensor()];
  for (const steps of [[size, scale], [scale, size]]) {
    const { data, maxValue } = compose(steps)(white);
    assertEquals([data, maxValue], [scaled, 1]);
  }
  const tall = resize([4, 4], { fit: "contain" })(grey(4, 1, [1, 2, 3, 4]));
  assertEquals([...tall.data.subarray(0, 8)], [0, 1, 0, 0, 0, 2, 0, 0]);
});

Deno.test("resize() crops the middle, and makes no difference between fits where none is needed", () => {
  const wide = grey(2, 5, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const { data } = resize(2, { fit: "crop" })(wide);
  assertEquals([...data], [3, 4, 8, 9]); // torchvision rounds 1.5 to 2.
  const input = image(10, 20);
  const stretched = resize([5, 10])(input);
  for (const fit of ["crop", "pad", "contain", "fill"] as const) {
    assertEquals(resize([5, 10], { fit })(input), stretched);
  }
});

Deno.test("resize() enlarges one pixel to one colour", () => {
  assertEquals([...resize([2, 3])(grey(1, 1, [9])).data], Array(6).fill(9));
});

Deno.test("resize() equals a plain reference at odd sizes", () => {
  const transform = resize([35, 33]);
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
    const expected = resized(input, 35, 33);
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
  for (const options of [{ fit: "cover" }, { background: -1 }]) {
    const error = assertThrows(
      () => resize(4, options as Parameters<typeof resize>[1]),
      OptionError,
    );
    assertEquals(error.option, Object.keys(options)[0]);
  }
});
