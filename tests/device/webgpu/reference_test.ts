/** Tests of the references against TensorFlow.js's CPU backend. */

import type { PoolSizes } from "../../../src/device/sizes.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/device/tf.ts";
import { assertCloseTensor } from "../../compare.ts";
import { read, use } from "../../device.ts";
import { numbers } from "../../numbers.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
  referenceMaxPool,
  referenceMaxPoolGradient,
} from "./pool/pool_reference.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
  referenceMatmul,
} from "./reference.ts";
import { assertEquals } from "@std/assert";

/** The CPU backend sums a few dozen terms in float32. */
const RELATIVE = 1e-6;

Deno.test("referenceConv2d() and its gradients are the CPU backend's", async () => {
  await use("cpu");
  const sizes = {
    batch: 2,
    inHeight: 5,
    inWidth: 8,
    inChannels: 3,
    outHeight: 3,
    outWidth: 8,
    outChannels: 2,
    filterHeight: 3,
    filterWidth: 2,
    strideHeight: 2,
    strideWidth: 1,
    padTop: 1,
    padLeft: 0,
  };
  const x = numbers(2 * 5 * 8 * 3, [-1, 1], 1);
  const filter = numbers(3 * 2 * 3 * 2, [-1, 1], 2);
  const dy = numbers(2 * 3 * 8 * 2, [-1, 1], 3);
  const [y, dx, dFilter] = await read(() => {
    const apply = (x: Tensor, filter: Tensor) =>
      tf.conv2d(x as Tensor4D, filter as Tensor4D, [2, 1], "same");
    const inputs = [
      tf.tensor(x, [2, 5, 8, 3]),
      tf.tensor(filter, [3, 2, 3, 2]),
    ];
    return [
      apply(inputs[0], inputs[1]),
      ...tf.grads(apply)(inputs, tf.tensor(dy, [2, 3, 8, 2])),
    ];
  });
  const options = { relative: RELATIVE };
  assertCloseTensor(y, referenceConv2d({ x, filter }, sizes), options);
  assertCloseTensor(
    dx,
    referenceConv2dInputGradient({ dy, filter }, sizes),
    options,
  );
  assertCloseTensor(
    dFilter,
    referenceConv2dFilterGradient({ x, dy }, sizes),
    options,
  );
});

Deno.test("referenceMatmul() is the CPU backend's", async () => {
  await use("cpu");
  const a = numbers(3 * 5 * 4, [-1, 1], 1);
  const b = numbers(7 * 5, [-1, 1], 2);
  const bias = numbers(7, [-1, 1], 3);
  const [expected] = await read(() => [
    tf.fused.matMul({
      a: tf.tensor3d(a, [3, 5, 4]),
      b: tf.tensor3d(b, [1, 7, 5]),
      bias: tf.tensor1d(bias),
      activation: "relu",
      transposeA: true,
      transposeB: true,
    }),
  ]);
  const actual = referenceMatmul({ a, b, bias, activation: "relu" }, {
    batch: 3,
    batchA: 3,
    batchB: 1,
    rows: 4,
    columns: 7,
    depth: 5,
    transposeA: true,
    transposeB: true,
  });
  assertCloseTensor(actual, expected, { relative: RELATIVE });
});

/** Pooling of `[2, 7, 5, 3]` by windows of 3x2 in steps of 2, "same": padded at the top and, by one row, at the bottom. */
const SAME: PoolSizes = {
  batch: 2,
  inHeight: 7,
  inWidth: 5,
  channels: 3,
  outHeight: 4,
  outWidth: 3,
  windowHeight: 3,
  windowWidth: 2,
  strideHeight: 2,
  strideWidth: 2,
  padTop: 1,
  padLeft: 0,
};

Deno.test("referenceMaxPool() and its gradient are the CPU backend's", async () => {
  await use("cpu");
  const x = numbers(2 * 7 * 5 * 3);
  const dy = numbers(2 * 4 * 3 * 3, [-1, 1], 1);
  const [y, dx] = await read(() => {
    const pool = (x: Tensor) => tf.maxPool(x as Tensor4D, [3, 2], 2, "same");
    const input = tf.tensor(x, [2, 7, 5, 3]);
    return [pool(input), tf.grad(pool)(input, tf.tensor(dy, [2, 4, 3, 3]))];
  });
  assertEquals([...referenceMaxPool(x, SAME).values], [...y]);
  assertCloseTensor(referenceMaxPoolGradient({ dy, x }, SAME), dx, {
    relative: RELATIVE,
  });
});

Deno.test("referenceMaxPool() takes the first of equals, and NaN over all if asked to", () => {
  const sizes = {
    batch: 1,
    inHeight: 1,
    inWidth: 6,
    channels: 1,
    outHeight: 1,
    outWidth: 2,
    windowHeight: 1,
    windowWidth: 3,
    strideHeight: 1,
    strideWidth: 3,
    padTop: 0,
    padLeft: 0,
  };
  const x = [1, 2, 2, 3, NaN, NaN];
  const over = referenceMaxPool(x, sizes, "largest");
  assertEquals([[...over.values], [...over.places]], [[2, NaN], [1, 4]]);
  const without = referenceMaxPool(x, sizes, "ignored");
  assertEquals([[...without.values], [...without.places]], [[2, 3], [1, 3]]);
});

Deno.test("referenceAveragePool() and, unpadded, its gradient are the CPU backend's", async () => {
  await use("cpu");
  const x = numbers(2 * 7 * 5 * 3);
  const dy = numbers(2 * 3 * 2 * 3, [-1, 1], 1);
  // The CPU backend divides gradients by the whole window, also where part of it is padding.
  const valid = { ...SAME, outHeight: 3, outWidth: 2, padTop: 0 };
  const [same, y, dx] = await read(() => {
    const pool = (pad: "same" | "valid") => (x: Tensor) =>
      tf.avgPool(x as Tensor4D, [3, 2], 2, pad);
    const input = tf.tensor(x, [2, 7, 5, 3]);
    return [
      pool("same")(input),
      pool("valid")(input),
      tf.grad(pool("valid"))(input, tf.tensor(dy, [2, 3, 2, 3])),
    ];
  });
  const options = { relative: RELATIVE };
  assertCloseTensor(referenceAveragePool(x, SAME), same, options);
  assertCloseTensor(referenceAveragePool(x, valid), y, options);
  assertCloseTensor(referenceAveragePoolGradient(dy, valid), dx, options);
});

Deno.test("referenceAveragePoolGradient() spreads a window over what it holds of the image", () => {
  const sizes = {
    batch: 1,
    inHeight: 1,
    inWidth: 5,
    channels: 1,
    outHeight: 1,
    outWidth: 3,
    windowHeight: 1,
    windowWidth: 3,
    strideHeight: 1,
    strideWidth: 2,
    padTop: 0,
    padLeft: 1,
  };
  assertEquals(
    [...referenceAveragePoolGradient([2, 3, 8], sizes)],
    [1, 1 + 1, 1, 1 + 4, 4],
  );
});
