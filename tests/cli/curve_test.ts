/**
 * Tests of curves as text: each dot is where its value is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { drawCurve } from "../../src/cli/curve.ts";
import { heightsOf } from "./dots.ts";

/** The labels of the greatest and the least value. */
function labelsOf(values: number[]): string[] {
  const lines = drawCurve({ title: "", values });
  return [1, 5].map((y) => lines[y].split("|")[0].trim());
}

const numbers = (length: number) => Array.from({ length }, (_, i) => i);

Deno.test("drawCurve() draws known values as the very characters", () => {
  const lines = drawCurve({
    title: "loss",
    values: [1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0],
    ticks: [0.5, 1],
  });
  assertEquals(lines, [
    "loss      ",
    "  1.0|⢱   ",
    "     |⠈⡆  ",
    "     | ⢱  ",
    "     |  ⡇ ",
    "  0.0|  ⢸⣀",
    "     +-+-+",
  ]);
});

Deno.test("drawCurve() has a dot for each value, two to a character", () => {
  const values = numbers(20).map((i) => i / 19);
  const lines = drawCurve({ title: "", values });
  assertEquals(heightsOf(lines), numbers(20).map((i) => [i]));
  assert(lines.every((line) => line.length === 6 + 10));
});

Deno.test("drawCurve() joins values that are far apart, but not over gaps", () => {
  const lines = drawCurve({
    title: "",
    values: [0, 1, 0, undefined, 1, undefined, 0],
  });
  assertEquals(heightsOf(lines), [
    [0],
    numbers(20).slice(1),
    numbers(19),
    [],
    [19],
    [],
    [0],
    [],
  ]);
});

Deno.test("drawCurve() marks values in their row and column", () => {
  const lines = drawCurve({
    title: "",
    values: Array(20).fill(undefined),
    marks: [[0.1, 1], [0.5, 0.5], [0.75, 0.1], [1, 0]]
      .map(([at, value]) => ({ at, value })),
    ticks: [0.25, 1],
  });
  assertEquals(lines.slice(1), [
    "  1.0|o         ",
    "     |          ",
    "     |    o     ",
    "     |          ",
    "  0.0|       o o",
    "     +--+------+",
  ]);
});

Deno.test("drawCurve() labels the ends of a round range that holds all values", () => {
  assertEquals(labelsOf([2.3026, 0.41]), ["2.4", "0.4"]);
  assertEquals(labelsOf([0.1, 0.875]), ["0.88", "0.10"]);
  assertEquals(labelsOf([0.6, 0.7]), ["0.70", "0.60"]);
  assertEquals(labelsOf([0.912, 0.9333]), ["0.934", "0.912"]);
  assertEquals(labelsOf([3, 870]), ["880", "0"]);
  assertEquals(labelsOf([2.5e9, 1e9]), ["3e+9", "1e+9"]);
});

Deno.test("drawCurve() draws one value, or equal ones, inside of its range", () => {
  for (const value of [0, 1, 0.37, 2.3026, 1000]) {
    const heights = heightsOf(
      drawCurve({ title: "", values: [value, value] }),
    );
    assertEquals(heights[0].length, 1);
    assertEquals(heights[0], heights[1]);
    const [most, least] = labelsOf([value, value]).map(Number);
    assert(least <= value && value <= most && least < most);
  }
});

Deno.test("drawCurve() cuts its title to its width", () => {
  const [title] = drawCurve({ title: "accuracy, epochs", values: [1, 2] });
  assertEquals(title, "accurac");
});
