/**
 * Tests of drawing images as text.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { contactSheet } from "../../src/cli/contact_sheet.ts";
import type { Sample } from "../../src/data/dataset.ts";

const CLASS_NAMES = ["bag", "coat"];

/** An image of the given rows of grey levels. */
function sample(rows: number[][], label = 0): Sample {
  return {
    image: {
      data: Uint8Array.from(rows.flat()),
      height: rows.length,
      width: rows[0].length,
      channels: 1,
      maxValue: 255,
    },
    label,
  };
}

/** A half block of two grey levels, in 24-bit colours. */
function block(top: number, bottom: number): string {
  const [t, b] = [top, bottom].map((level) => Array(3).fill(level).join(";"));
  return `\x1b[38;2;${t};48;2;${b}m▀`;
}

Deno.test("contactSheet() draws half blocks of the exact grey levels", () => {
  const image = sample([[0, 255, 1], [128, 7, 254]]);
  const sheet = contactSheet([image], {
    classNames: CLASS_NAMES,
    columns: 80,
    hasColor: true,
  });
  assertEquals(
    sheet.split("\n"),
    [
      block(0, 128) + block(255, 7) + block(1, 254) + "\x1b[0m",
      "0: ",
      "",
    ].map((line) => line.trimEnd()),
  );
});

Deno.test("contactSheet() has black below the last of an odd number of rows", () => {
  const [, last] = contactSheet([sample([[1], [2], [3]])], {
    classNames: CLASS_NAMES,
    columns: 80,
    hasColor: true,
  }).split("\n");
  assertEquals(last, block(3, 0) + "\x1b[0m");
});

Deno.test("contactSheet() draws characters from light to dense without colour", () => {
  const levels = [0, 64, 128, 192, 255];
  const sheet = contactSheet([sample([levels, levels])], {
    classNames: CLASS_NAMES,
    columns: 80,
    hasColor: false,
  });
  const [picture] = sheet.split("\n");
  const density = [...picture].map((char) => " .:-=+*#%@".indexOf(char));
  assertEquals([density[0], density[4]], [0, 9]);
  assertEquals(density, density.toSorted((a, b) => a - b));
  assertEquals(new Set(density).size, 5);
});

Deno.test("contactSheet() has the mean of two rows in a character", () => {
  const draw = (rows: number[][]) =>
    contactSheet([sample(rows)], {
      classNames: CLASS_NAMES,
      columns: 80,
      hasColor: false,
    }).split("\n")[0];
  assertEquals(draw([[255], [1]]), draw([[128], [128]]));
});

Deno.test("contactSheet() puts as many images in a row as the terminal is wide", () => {
  const image = Array(2).fill(Array(8).fill(255));
  const samples = [0, 1, 0].map((label) => sample(image, label));
  const draw = (columns: number) =>
    contactSheet(samples, { classNames: CLASS_NAMES, columns, hasColor: false })
      .split("\n");
  const full = "@".repeat(8);
  const twoRows = [
    `${full}  ${full}`,
    "0: bag    1: coat",
    "",
    full,
    "2: bag",
    "",
  ];
  assertEquals(draw(18), twoRows);
  assertEquals(draw(27), twoRows);
  assertEquals(draw(28).length, 3);
  for (const columns of [17, 8, 1, 0]) assertEquals(draw(columns).length, 9);
});

Deno.test("contactSheet() cuts names that are wider than the image", () => {
  const image = Array(2).fill(Array(5).fill(0));
  const [, captions] = contactSheet([sample(image, 1), sample(image, 1)], {
    classNames: CLASS_NAMES,
    columns: 80,
    hasColor: false,
  }).split("\n");
  assertEquals(captions, "0: co  1: co");
});
