/**
 * Tests of sums of gradients over processes.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { DistributedError } from "../../src/errors.ts";
import type { Communicator } from "../../src/train/communicator.ts";
import {
  GradientSum,
  type GradientSumOptions,
} from "../../src/train/gradient_sum.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { nativeTest } from "../native.ts";
import { numbers } from "../numbers.ts";
import { inMemory } from "./in_memory.ts";

const SHAPES = [[3, 4], [4], [2, 3, 2, 2], [], [5]];

/** Elements that are sent at a time, as documented: 25 MB. */
const BUCKET_SIZE = 6_250_000;

/** What a rank gives at a step. */
function _given(rank: number, step: number): Tensor[] {
  return SHAPES.map((shape, place) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const seed = rank + 10 * step + 100 * place;
    const values = numbers(size, [-1, 1], seed);
    // On the device, as gradients are.
    return tf.tidy(() => tf.mul(tf.tensor(values, shape), 1));
  });
}

async function _compare(
  compression: GradientSumOptions["compression"],
  absolute: number,
): Promise<void> {
  const before = tf.memory().numTensors;
  for (const size of [1, 2, 3]) {
    await Promise.all(
      inMemory(size).map(async (communicator, rank) => {
        const options = { shapes: SHAPES, compression };
        const sum = new GradientSum(communicator, options);
        for (let step = 0; step < 3; step++) {
          const given = _given(rank, step);
          // In another order in each, and some of them only at the end.
          for (const place of [[4, 1], [2, 0, 3], []][(step + rank) % 3]) {
            sum.add(place, given[place]);
          }
          const sums = await sum.finish(given);
          const all = Array.from({ length: size }, (_, r) => _given(r, step));
          for (const [place, tensor] of sums.entries()) {
            assertEquals(tensor.shape, SHAPES[place]);
            assertEquals(tensor.dtype, "float32");
            const lists = await Promise.all(
              all.map((list) => list[place].data()),
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
    () => _compare(compression, absolute),
  );
  Deno.test(`${name}, on the plain CPU`, async () => {
    await use("plain");
    await _compare(compression, absolute);
  });
  webgpuTest(`${name}, on WebGPU`, async () => {
    await use("webgpu");
    await _compare(compression, absolute);
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
      for (const [place, size] of sizes.entries()) {
        const values = await sums[place].data();
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
      const given = _given(0, step);
      sum.add(4, given[4]);
      if (step === 0) {
        await assertRejects(
          () => sum.finish(given),
          DistributedError,
          "Rank 3 is gone",
        );
      } else {
        const sums = await sum.finish(given);
        for (const [place, tensor] of sums.entries()) {
          const again = _given(0, step);
          assertEquals(await tensor.data(), await again[place].data());
          tf.dispose(again);
        }
        tf.dispose(sums);
      }
      tf.dispose(given);
    }
    assertEquals(tf.memory().numTensors, before);
  });
}
