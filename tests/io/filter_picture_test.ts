/**
 * Tests of pictures of filters: every pixel is where it should be.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { OptionError, ShapeError } from "../../src/errors.ts";
import type { Picture } from "../../src/io/contact_sheet.ts";
import { drawFilters } from "../../src/io/filter_picture.ts";

/** Pixels between filters and around them. */
const GAP = 2;
const BACKGROUND = 32;

/** Rows of pixels, grey ones as one number. */
function rowsOf({ width, height, data }: Picture): (number | number[])[][] {
  return Array.from(
    { length: height },
    (_, y) =>
      Array.from({ length: width }, (_, x) => {
        const pixel = [...data.subarray((y * width + x) * 3).subarray(0, 3)];
        return pixel.every((value) => value === pixel[0]) ? pixel[0] : pixel;
      }),
  );
}

/** The part of a picture that a filter fills. */
function filterAt(
  picture: Picture,
  at: { column: number; row: number; height: number; width: number },
): (number | number[])[][] {
  const left = GAP + at.column * (at.width + GAP);
  const top = GAP + at.row * (at.height + GAP);
  return rowsOf(picture).slice(top, top + at.height)
    .map((row) => row.slice(left, left + at.width));
}

Deno.test("drawFilters() takes each filter from the last axis and spreads it from black to white", () => {
  // Filter 0 is 0, 1, 2, 5; filter 1 is ten times that and 7 more, turned; filter 2 is the same everywhere.
  const values = Float32Array.of(0, 57, 4, 1, 27, 4, 2, 17, 4, 5, 7, 4);
  const picture = drawFilters(
    { shape: [2, 2, 1, 3], values },
    { scale: 1, columns: 2 },
  );
  const size = { height: 2, width: 2 };
  assertEquals(
    [picture.width, picture.height],
    [GAP + 2 * (2 + GAP), GAP + 2 * (2 + GAP)],
  );
  assertEquals(filterAt(picture, { ...size, column: 0, row: 0 }), [
    [0, 51],
    [102, 255],
  ]);
  assertEquals(filterAt(picture, { ...size, column: 1, row: 0 }), [
    [255, 102],
    [51, 0],
  ]);
  assertEquals(filterAt(picture, { ...size, column: 0, row: 1 }), [
    [128, 128],
    [128, 128],
  ]);
  // No fourth filter, and nothing but background in the gaps.
  const drawn = rowsOf(picture).flat().filter((level) => level !== BACKGROUND);
  assertEquals(drawn.length, 3 * 4);
});

Deno.test("drawFilters() shows three channels as red, green and blue of one range", () => {
  const values = Float32Array.of(-1, 0, 1, 1, 1, -1);
  const picture = drawFilters({ shape: [1, 2, 3, 1], values }, { scale: 1 });
  assertEquals(
    filterAt(picture, { column: 0, row: 0, height: 1, width: 2 }),
    [[[0, 128, 255], [255, 255, 0]]],
  );
});

Deno.test("drawFilters() lays out the filters of AlexNet and LeNet in full rows, at least 32 pixels wide", () => {
  const layout = (size: number, count: number) => {
    const { width, height } = drawFilters({
      shape: [size, size, 1, count],
      values: new Float32Array(size * size * count),
    });
    const step = Math.ceil(32 / size) * size + GAP;
    return [(width - GAP) / step, (height - GAP) / step];
  };
  assertEquals(layout(11, 96), [12, 8]);
  assertEquals(layout(5, 6), [3, 2]);
  assertEquals(layout(3, 64), [8, 8]);
  // A prime number has no such layout.
  assertEquals(layout(5, 31), [6, 6]);
  assertEquals(layout(5, 1), [1, 1]);
});

Deno.test("drawFilters() draws weights that are not finite without failing", () => {
  const values = Float32Array.of(NaN, 1, 2, 3);
  const { width, height } = drawFilters(
    { shape: [2, 2, 1, 1], values },
    { scale: 1 },
  );
  assertEquals([width, height], [2 + 2 * GAP, 2 + 2 * GAP]);
});

Deno.test("drawFilters() refuses what does not fit together", () => {
  const refuse = (shape: number[], length: number) =>
    assertThrows(
      () => drawFilters({ shape, values: new Float32Array(length) }),
      ShapeError,
    );
  refuse([2, 2, 2, 1], 8);
  refuse([2, 2, 1], 4);
  refuse([2, 2, 1, 3], 11);
  refuse([2, 2, 1, 0], 0);
  const kernel = { shape: [1, 1, 1, 1], values: new Float32Array(1) };
  assertThrows(() => drawFilters(kernel, { scale: 0 }), OptionError);
  assertThrows(() => drawFilters(kernel, { columns: 1.5 }), OptionError);
});
