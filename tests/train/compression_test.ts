/**
 * Tests of sums in float16: how exact they are, and that what is small is sent late, not lost.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Float16Sum } from "../../src/train/compression.ts";
import { assertClose } from "../compare.ts";
import { numbers } from "../numbers.ts";
import { inMemory } from "./in_memory.ts";

/** Sums what each rank gives; the result of rank 0, which is that of all. */
async function _sum(
  sums: readonly Float16Sum[],
  given: readonly ArrayLike<number>[],
): Promise<Float32Array> {
  const values = given.map((list) => Float32Array.from(list));
  await Promise.all(sums.map((sum, rank) => sum.allReduce(values[rank])));
  for (const list of values) assertEquals(list, values[0]);
  return values[0];
}

function _connect(size: number): Float16Sum[] {
  return inMemory(size).map((communicator) => new Float16Sum(communicator));
}

Deno.test("Float16Sum sums what float16 holds exactly, with nothing left over", async () => {
  const sums = _connect(2);
  for (let step = 0; step < 3; step++) {
    const result = await _sum(sums, [[1, -0.5, 1024, 2 ** -24], [
      0.25,
      0.5,
      1,
      2 ** -24,
    ]]);
    assertEquals([...result], [1.25, 0, 1025, 2 ** -23]);
  }
});

Deno.test("Float16Sum rounds a first sum by 2^-11 of what is sent and of the sum", async () => {
  const given = [0, 1].map((seed) => numbers(1000, [-100, 100], seed));
  const result = await _sum(_connect(2), given);
  let different = 0;
  result.forEach((value, i) => {
    const [a, b] = [given[0][i], given[1][i]];
    // 2^-24 is the smallest number.
    const limit = 2 ** -11 * 1.001 *
        (Math.abs(a) + Math.abs(b) + Math.abs(a + b)) + 2 ** -24;
    assert(Math.abs(value - a - b) <= limit, `${a} + ${b} is not ${value}`);
    if (value !== Math.fround(a + b)) different++;
  });
  assert(different > 900, `${different} of 1000 are rounded`);
});

Deno.test("Float16Sum sends a gradient below float16's smallest number after some steps: of 1000 of 1e-9, all but one such number arrive", async () => {
  const sums = _connect(2);
  const STEPS = 1000;
  const totals = [0, 0];
  let steps = 0;
  for (let step = 0; step < STEPS; step++) {
    const result = await _sum(sums, [[1e-9, -1e-9], [0, 0]]);
    totals[0] += result[0];
    totals[1] += result[1];
    if (result[0] !== 0) steps++;
  }
  // Sent as 2^-24 = 5.96e-8 about every 60 steps; rounding to nearest sends from half of it on.
  const smallest = 2 ** -24;
  assertClose(totals, [STEPS * 1e-9, -STEPS * 1e-9], { absolute: smallest });
  assertEquals(steps, 17);
  assertEquals(Math.fround(new Float16Array([1e-9])[0]), 0);
});

Deno.test("Float16Sum sends in the sum of many steps what it rounds off a gradient of each", async () => {
  const sums = _connect(1);
  const given = numbers(100);
  const totals = new Float64Array(100);
  for (let step = 0; step < 64; step++) {
    const result = await _sum(sums, [given]);
    result.forEach((value, i) => totals[i] += value);
  }
  // Only what is left of the last step is missing: half a unit in the last place of numbers below 1, and 64 times float32's
  // rounding of what is carried over.
  assertClose(totals, given.map((v) => 64 * v), {
    absolute: 2 ** -12 + 64 * 2 ** -25,
  });
});

Deno.test("Float16Sum sends as much as can be summed of what is larger, the rest later, and passes what is not finite", async () => {
  for (const size of [1, 3]) {
    const sums = _connect(size);
    const given = [1e5, -1e5, NaN, Infinity];
    // All processes together send 32768 at a time, to float16's rounding.
    const expected = 1e5 * size;
    const first = await _sum(sums, sums.map(() => given));
    assertClose(first.subarray(0, 2), [2 ** 15, -(2 ** 15)], { absolute: 16 });
    assertEquals([...first.subarray(2)], [NaN, Infinity]);
    const total = first.slice(0, 2);
    for (let step = 0; step < 10; step++) {
      const next = await _sum(sums, sums.map(() => [0, 0, 0, 0]));
      total.forEach((_, i) => total[i] += next[i]);
    }
    // Eleven sums, each rounded to a multiple of 32.
    assertClose(total, [expected, -expected], { absolute: 11 * 16 });
  }
});
