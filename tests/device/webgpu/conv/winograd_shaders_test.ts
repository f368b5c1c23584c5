/** Tests of the matrices of Winograd's minimal filtering against sums of products, in float64. */

import { assertEquals } from "@std/assert";
import {
  type Matrix,
  MOST_PLACES,
  winogradMatrices,
} from "../../../../src/device/webgpu/conv/winograd_shaders.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";

for (let m = 1; m <= MOST_PLACES; m++) {
  for (let r = 1; m + r - 1 <= MOST_PLACES; r++) {
    const places = m + r - 1;
    Deno.test(`winogradMatrices() of ${m} outputs and ${r} taps filter ${places} places`, () => {
      const { input, filter, turnedFilter, output } = winogradMatrices(m, r);
      assertEquals(sizeOf(input), [places, places]);
      assertEquals(sizeOf(filter), [places, r]);
      assertEquals(sizeOf(turnedFilter), [places, r]);
      assertEquals(sizeOf(output), [m, places]);
      for (let seed = 0; seed < 10; seed++) {
        const d = [...numbers(places, [-1, 1], seed)];
        const g = [...numbers(r, [-1, 1], 100 + seed)];
        const filtered = (taps: number[]) => {
          const products = apply(input, d).map((v, i) => v * taps[i]);
          return apply(output, products);
        };
        const sums = (taps: number[]) =>
          Array.from(
            { length: m },
            (_, i) => taps.reduce((sum, tap, k) => sum + tap * d[i + k], 0),
          );
        // Float64 has 2^-52 = 2e-16; the factors, up to hundreds, and what cancels of their sums cost three digits.
        const tolerance = { absolute: 1e-12 };
        assertClose(filtered(apply(filter, g)), sums(g), tolerance);
        assertClose(
          filtered(apply(turnedFilter, g)),
          sums(g.toReversed()),
          tolerance,
        );
      }
    });
  }
}

Deno.test("winogradMatrices() turnedFilter is the filter of reversed taps", () => {
  const taps = [3, 1, 4, 1, 5];
  const { filter, turnedFilter } = winogradMatrices(4, 5);
  const expected = apply(filter, taps.toReversed());
  assertClose(apply(turnedFilter, taps), expected, { absolute: 1e-12 });
});

Deno.test("winogradMatrices() gives each matrix a name of its own", () => {
  const names = new Set<string>();
  let count = 0;
  for (let m = 1; m <= MOST_PLACES; m++) {
    for (let r = 1; m + r - 1 <= MOST_PLACES; r++) {
      const matrices = winogradMatrices(m, r);
      for (const { name } of Object.values(matrices) as Matrix[]) {
        names.add(name);
        count++;
      }
    }
  }
  // Shaders are known by them.
  assertEquals(names.size, count);
});

Deno.test("winogradMatrices(2, 3) transforms inputs and products as Lavin and Gray do", () => {
  const { input, output } = winogradMatrices(2, 3);
  // Theirs up to the sign of rows, which cancels.
  const theirs = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]];
  assertEquals(
    input.rows.map((row) => row.map((v) => v * signOf(row))),
    theirs.map((row) => row.map((v) => v * signOf(row))),
  );
  assertEquals(output.rows.map((row) => row.map(Math.abs)), [
    [1, 1, 1, 0],
    [0, 1, 1, 1],
  ]);
});

/** Of the first number that is not 0. */
function signOf(row: readonly number[]): number {
  return Math.sign(row.find((v) => v !== 0)!);
}

function sizeOf({ rows }: Matrix): [rows: number, columns: number] {
  const [width] = new Set(rows.map((row) => row.length));
  assertEquals(rows.every((row) => row.length === width), true);
  return [rows.length, width];
}

function apply({ rows }: Matrix, vector: readonly number[]): number[] {
  return rows.map((row) => row.reduce((sum, v, j) => sum + v * vector[j], 0));
}
