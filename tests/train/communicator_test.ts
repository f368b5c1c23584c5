/**
 * Tests of sums of gradients over processes; in float16, how exact they are, and that what is small is sent late, not lost.
 */

import { type Tensor, tf } from "../../src/device/tf.ts";
import { DistributedError } from "../../src/errors.ts";
import {
  type Communicator,
  Float16Sum,
  GradientSum,
} from "../../src/train/communicator.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { nativeTest } from "../native.ts";
import { numbers } from "../numbers.ts";
import { inMemory } from "./in_memory.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";

const SHAPES = [[3, 4], [4], [2, 3, 2, 2], [], [5]];

/** Elements that are sent at a time, as documented: 25 MB. */
const BUCKET_SIZE = 6_250_000;

/** What a rank gives at a step. */
function gradientsOf(rank: number, step: number): Tensor[] {
  return SHAPES.map((shape, index) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const seed = rank + 10 * step + 100 * index;
    const values = numbers(size, [-1, 1], seed);
    // On the device, as gradients are.
    return tf.tidy(() => tf.mul(tf.tensor(values, shape), 1));
  });
}

async function compare(
  compression: "none" | "float16",
  absolute: number,
): Promise<void> {
  const before = tf.memory().numTensors;
  for (const size of [1, 2, 3]) {
    await Promise.all(
      inMemory(size).map(async (communicator, rank) => {
        const options = { shapes: SHAPES, compression };
        const sum = new GradientSum(communicator, options);
        for (let step = 0; step < 3; step++) {
          const given = gradientsOf(rank, step);
          // In another order in each, and some of them only at the end.
          for (const index of [[4, 1], [2, 0, 3], []][(step + rank) % 3]) {
            sum.add(index, given[index]);
          }
          const sums = await sum.finish(given);
          const all = Array.from(
            { length: size },
            (_, r) => gradientsOf(r, step),
          );
          for (const [index, tensor] of sums.entries()) {
            assertEquals(tensor.shape, SHAPES[index]);
            assertEquals(tensor.dtype, "float32");
            const lists = await Promise.all(
              all.map((list) => list[index].data()),
            );
            const expected = Array.from(
              lists[0],
              (_, i) => lists.reduce((total, list) => total + list[i], 0),
            );
            assertClose(await tensor.data(), expected, { absolute });
          }
          tf.dispose([given, sums, all]);
        }
      }),
    );
  }
  assertEquals(tf.memory().numTensors, before);
}

for (const compression of ["none", "float16"] as const) {
  // float32 rounds sums below 4 by 2^-22 at most. float16 rounds what each of 3 sends, which is below 1 but for what is left
  // of earlier steps, by 2^-11, the sum by 2^-10, and what was left is as much again.
  const absolute = compression === "none" ? 2 ** -22 : 8 * 2 ** -11;
  const name =
    `GradientSum gives the sums of all processes with compression ${compression}, whatever the order, and frees its own`;
  nativeTest(
    `${name}, on the native CPU`,
    () => compare(compression, absolute),
  );
  Deno.test(`${name}, on the plain CPU`, async () => {
    await use("plain");
    await compare(compression, absolute);
  });
  webgpuTest(`${name}, on WebGPU`, async () => {
    await use("webgpu");
    await compare(compression, absolute);
  });
}

nativeTest(
  "GradientSum joins tensors, from the last to the first, up to 25 MB",
  async () => {
    const cases: [sizes: number[], sent: number[]][] = [
      [[10, BUCKET_SIZE - 30, 20], [BUCKET_SIZE]],
      [[10, BUCKET_SIZE - 29, 20], [BUCKET_SIZE - 9, 10]],
      [[3, BUCKET_SIZE + 1, 4], [4, BUCKET_SIZE + 1, 3]],
    ];
    for (const [sizes, sent] of cases) {
      const [communicator] = inMemory(1);
      const shapes = sizes.map((size) => [size]);
      const sum = new GradientSum(communicator, {
        shapes,
        compression: "none",
      });
      const given = sizes.map((size) => {
        const values = new Float32Array(size).fill(1);
        values[0] = values[size - 1] = size;
        return tf.tensor(values);
      });
      const sums = await sum.finish(given);
      const calls = sent.map((size) => `allReduce Float32Array ${size}`);
      assertEquals(communicator.calls, calls);
      for (const [index, size] of sizes.entries()) {
        const values = await sums[index].data();
        assertEquals(values.length, size);
        assertEquals([values[0], values[1], values[size - 1]], [size, 1, size]);
      }
      tf.dispose([given, sums]);
    }
  },
);

nativeTest(
  "GradientSum sends what is complete before the rest is there",
  async () => {
    const [communicator] = inMemory(1);
    const shapes = [[2], [BUCKET_SIZE], [3]];
    const sum = new GradientSum(communicator, { shapes, compression: "none" });
    const given = shapes.map((shape) => tf.ones(shape));
    sum.add(1, given[1]);
    // It is the turn of the last.
    assertEquals(communicator.calls, []);
    sum.add(2, given[2]);
    assertEquals(communicator.calls, [
      "allReduce Float32Array 3",
      `allReduce Float32Array ${BUCKET_SIZE}`,
    ]);
    tf.dispose([given, await sum.finish(given)]);
    assertEquals(communicator.calls.length, 3);
  },
);

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "cpu" ? Deno.test : webgpuTest;
  test(`GradientSum rejects where a process has failed, frees its own, and gives right sums afterwards, on ${device}`, async () => {
    await use(device);
    const before = tf.memory().numTensors;
    const [connected] = inMemory(1);
    let failures = 1;
    const communicator: Communicator = {
      ...connected,
      allReduce: (values) =>
        failures-- > 0
          ? Promise.reject(new DistributedError("Rank 3 is gone"))
          : connected.allReduce(values),
    };
    const options = { shapes: SHAPES, compression: "none" } as const;
    const sum = new GradientSum(communicator, options);
    for (let step = 0; step < 2; step++) {
      const given = gradientsOf(0, step);
      sum.add(4, given[4]);
      if (step === 0) {
        await assertRejects(
          () => sum.finish(given),
          DistributedError,
          "Rank 3 is gone",
        );
      } else {
        const sums = await sum.finish(given);
        for (const [index, tensor] of sums.entries()) {
          const again = gradientsOf(0, step);
          assertEquals(await tensor.data(), await again[index].data());
          tf.dispose(again);
        }
        tf.dispose(sums);
      }
      tf.dispose(given);
    }
    assertEquals(tf.memory().numTensors, before);
  });
}

/** Sums what each rank gives; the result of rank 0, which is that of all. */
async function sumOf(
  sums: readonly Float16Sum[],
  given: readonly ArrayLike<number>[],
): Promise<Float32Array> {
  const values = given.map((list) => Float32Array.from(list));
  await Promise.all(sums.map((sum, rank) => sum.allReduce(values[rank])));
  for (const list of values) assertEquals(list, values[0]);
  return values[0];
}

function connect(size: number): Float16Sum[] {
  return inMemory(size).map((communicator) => new Float16Sum(communicator));
}

Deno.test("Float16Sum sums what float16 holds exactly, with nothing left over", async () => {
  const sums = connect(2);
  for (let step = 0; step < 3; step++) {
    const result = await sumOf(sums, [[1, -0.5, 1024, 2 ** -24], [
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
  const result = await sumOf(connect(2), given);
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
  const sums = connect(2);
  const STEPS = 1000;
  const totals = [0, 0];
  let steps = 0;
  for (let step = 0; step < STEPS; step++) {
    const result = await sumOf(sums, [[1e-9, -1e-9], [0, 0]]);
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
  const sums = connect(1);
  const given = numbers(100);
  const totals = new Float64Array(100);
  for (let step = 0; step < 64; step++) {
    const result = await sumOf(sums, [given]);
    result.forEach((value, i) => totals[i] += value);
  }
  // Only what is left of the last step is missing: half a unit in the last index of numbers below 1, and 64 times float32's
  // rounding of what is carried over.
  assertClose(totals, given.map((v) => 64 * v), {
    absolute: 2 ** -12 + 64 * 2 ** -25,
  });
});

Deno.test("Float16Sum sends as much as can be summed of what is larger, the rest later, and passes what is not finite", async () => {
  for (const size of [1, 3]) {
    const sums = connect(size);
    const given = [1e5, -1e5, NaN, Infinity];
    // All processes together send 32768 at a time, to float16's rounding.
    const expected = 1e5 * size;
    const first = await sumOf(sums, sums.map(() => given));
    assertClose(first.subarray(0, 2), [2 ** 15, -(2 ** 15)], { absolute: 16 });
    assertEquals([...first.subarray(2)], [NaN, Infinity]);
    const total = first.slice(0, 2);
    for (let step = 0; step < 10; step++) {
      const next = await sumOf(sums, sums.map(() => [0, 0, 0, 0]));
      total.forEach((_, i) => total[i] += next[i]);
    }
    // Eleven sums, each rounded to a multiple of 32.
    assertClose(total, [expected, -expected], { absolute: 11 * 16 });
  }
});
