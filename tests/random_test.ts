/** Tests of the random numbers against published answers and against what chance would give. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { permutation, STREAMS, threefry2x32, uniforms } from "../src/random.ts";

/** From the file kat_vectors of Random123, the lines of `threefry2x32 20`. */
const KNOWN_ANSWERS = [
  { key: [0, 0], counter: [0, 0], answer: [0x6b200159, 0x99ba4efe] },
  {
    key: [0xffffffff, 0xffffffff],
    counter: [0xffffffff, 0xffffffff],
    answer: [0x1cb996fc, 0xbb002be7],
  },
  {
    key: [0x13198a2e, 0x03707344],
    counter: [0x243f6a88, 0x85a308d3],
    answer: [0xc4923a9c, 0x483df7a0],
  },
];
for (const { key, counter, answer } of KNOWN_ANSWERS) {
  Deno.test(`threefry2x32() gives the known answer for key ${key}`, () => {
    const out = new Uint32Array(2);
    threefry2x32([key[0], key[1]], [counter[0], counter[1]], out);
    assertEquals([...out], answer);
  });
}

Deno.test("uniforms() are in [0, 1), with the mean and variance of chance", () => {
  const count = 100_000;
  const values = uniforms(count, { seed: 42, stream: STREAMS.dropout });
  assert(values.every((value) => value >= 0 && value < 1));
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) /
    count;
  // Five standard deviations of the estimates: 1/sqrt(12 n), and sqrt(1/180 n).
  assert(Math.abs(mean - 1 / 2) < 5 / Math.sqrt(12 * count));
  assert(Math.abs(variance - 1 / 12) < 5 / Math.sqrt(180 * count));
});

Deno.test("uniforms() fill sixteen bins evenly", () => {
  const bins = new Array<number>(16).fill(0);
  for (const value of uniforms(160_000, { seed: 1, stream: 0 })) {
    bins[Math.floor(value * 16)]++;
  }
  const chiSquare = bins.reduce((sum, n) => sum + (n - 1e4) ** 2 / 1e4, 0);
  // Fifteen degrees of freedom: above 44.3 once in ten thousand times.
  assert(chiSquare < 44.3, `chi square ${chiSquare}`);
});

Deno.test("uniforms() at an offset are the same numbers", () => {
  const source = { seed: 5, stream: 6, step: 7 };
  const all = uniforms(20, source);
  for (const offset of [1, 2, 13]) {
    assertEquals(
      uniforms(20 - offset, { ...source, offset }),
      all.slice(offset),
    );
  }
});

Deno.test("uniforms() differ between seeds, streams and steps", () => {
  const source = { seed: 1, stream: 1, step: 1 };
  const values = uniforms(8, source);
  for (const change of [{ seed: 2 }, { stream: 2 }, { step: 2 }]) {
    assertNotEquals(uniforms(8, { ...source, ...change }), values);
  }
});

Deno.test("permutation() has each integer once", () => {
  for (const length of [0, 1, 2, 1000]) {
    const order = permutation(length, { seed: 3, stream: STREAMS.shuffle });
    assertEquals([...order.sort()], Array.from({ length }, (_, i) => i));
  }
});

Deno.test("permutation() has all orders of four equally often", () => {
  const counts = new Map<string, number>();
  for (let step = 0; step < 24_000; step++) {
    const order = permutation(4, { seed: 9, stream: 0, step }).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 24);
  const chiSquare = [...counts.values()]
    .reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
  // Twenty-three degrees of freedom: above 56.5 once in ten thousand times.
  assert(chiSquare < 56.5, `chi square ${chiSquare}`);
});
