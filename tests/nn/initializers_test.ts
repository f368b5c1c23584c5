/** Tests of the first values of weights. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { xavierUniform, zeros } from "../../src/nn/initializers.ts";

const SOURCE = { seed: 1, stream: 0 };
const SHAPES: [
  what: string,
  shape: number[],
  fanIn: number,
  fanOut: number,
][] = [
  ["a convolution", [5, 5, 48, 64], 5 * 5 * 48, 5 * 5 * 64],
  ["a window that is not square", [1, 7, 100, 90], 700, 630],
  ["a dense layer", [300, 100], 300, 100],
];
for (const [what, shape, fanIn, fanOut] of SHAPES) {
  Deno.test(`xavierUniform() keeps to its bounds and variance for ${what}`, () => {
    const values = xavierUniform()(shape, SOURCE);
    const count = shape.reduce((product, n) => product * n);
    assertEquals(values.length, count);
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    const largest = values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    assert(largest <= limit && largest > 0.999 * limit);
    const mean = values.reduce((sum, v) => sum + v, 0) / count;
    const variance = values.reduce((sum, v) => sum + v ** 2, 0) / count;
    // Glorot and Bengio: 2 / (fanIn + fanOut). Five standard deviations of the estimates.
    const expected = 2 / (fanIn + fanOut);
    assert(Math.abs(mean) < 5 * Math.sqrt(expected / count));
    assert(Math.abs(variance / expected - 1) < 5 * Math.sqrt(0.8 / count));
  });
}

Deno.test("xavierUniform() gives the same values for the same seed and stream only", () => {
  const shape = [20, 30];
  const values = xavierUniform()(shape, SOURCE);
  assertEquals(xavierUniform()(shape, { ...SOURCE }), values);
  for (const change of [{ seed: 2 }, { stream: 1 }]) {
    assertNotEquals(xavierUniform()(shape, { ...SOURCE, ...change }), values);
  }
});

Deno.test("zeros() gives zeros", () => {
  assertEquals(zeros()([2, 3], SOURCE), new Float32Array(6));
});
