/** Tests of values that are taken from tensors. */

import { assert, assertStrictEquals } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { device } from "../../src/device/device.ts";
import { floatsOf } from "../../src/device/onednn/tensors.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { nativeTest } from "../native.ts";
import { numbers } from "../numbers.ts";

/** More than 64 KB, so that the memory is of those that the CPU uses again; and less. */
const LENGTHS = [20_000, 10];

const EXACT = { absolute: 0 };

/** Ways to make a tensor, and another of the same values that must keep them. */
const SHARED: Record<string, (x: Tensor) => [taken: Tensor, other: Tensor]> = {
  "a clone": (x) => {
    const product = tf.mul(x, 2);
    return [product, tf.clone(product)];
  },
  "another shape": (x) => {
    const product = tf.mul(x, 2);
    return [tf.reshape(product, [-1, 5]), product];
  },
  "a variable": (x) => {
    const product = tf.mul(x, 2);
    return [product, tf.keep(tf.variable(product))];
  },
};

async function checkAlone(): Promise<void> {
  for (const length of LENGTHS) {
    const given = numbers(length);
    const x = tf.tensor1d(given.slice());
    const product = tf.tidy(() => tf.relu(tf.mul(x, -2)));
    const values = await device().takeValues(product);
    assert(values instanceof Float32Array);
    const expected = given.map((v) => Math.max(0, -2 * v));
    assertClose(values, expected, EXACT);
    // Whoever sends them writes there.
    values.fill(7);
    product.dispose();
    const again = tf.tidy(() => tf.relu(tf.mul(x, -2)));
    assertClose(await again.data(), expected, EXACT);
    tf.dispose([x, again]);
  }
}

async function checkShared(): Promise<void> {
  for (const length of LENGTHS) {
    for (const [name, make] of Object.entries(SHARED)) {
      const given = numbers(length);
      const x = tf.tensor1d(given.slice());
      const [taken, other] = make(x);
      const values = await device().takeValues(taken);
      const doubled = given.map((v) => 2 * v);
      assertClose(values, doubled, { absolute: 0, what: name });
      values.fill(7);
      assertClose(await other.data(), doubled, { absolute: 0, what: name });
      tf.dispose([x, taken, other]);
    }
    // An array of somebody else's, which the CPU uses without a copy.
    const array = numbers(length);
    const tensor = tf.tensor1d(array);
    (await device().takeValues(tensor)).fill(7);
    assertClose(array, numbers(length), EXACT);
    tensor.dispose();
  }
}

Deno.test("takeValues() gives values to change, and changes no other tensor, on the plain CPU", async () => {
  await use("plain");
  await checkAlone();
  await checkShared();
});

nativeTest(
  "takeValues() gives values to change, and changes no other tensor, on the native CPU",
  async () => {
    await checkAlone();
    await checkShared();
  },
);

webgpuTest(
  "takeValues() gives values to change, and changes no other tensor, on WebGPU",
  async () => {
    await use("webgpu");
    await checkAlone();
    await checkShared();
  },
);

nativeTest("takeValues() copies no memory that is of one tensor alone", () => {
  const x = tf.tensor2d(numbers(40_000), [200, 200]);
  const product = tf.matMul(x, x);
  assertStrictEquals(device().takeValues(product), floatsOf(product));
  tf.dispose([x, product]);
});
