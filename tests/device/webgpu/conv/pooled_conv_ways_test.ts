/**
 * Tests that convolution and max pooling have the same gradients in both ways: from the pooled places alone, and by way of
 * the unpooled gradient.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { type Tensor, tf } from "../../../../src/device/tf.ts";
import { chooseWays } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import {
  type FusedConvCase,
  fusedConvOf,
  type FusedConvSetUp,
  setUpFusedConv,
} from "./fused_conv_cases.ts";
import { sumTolerance, webgpuBackend } from "../run.ts";
import { operationsIn } from "../traces.ts";

const CASES: readonly FusedConvCase[] = [
  // AlexNet's first layer, smaller: windows of the pooling overlap.
  {
    input: [2, 43, 44, 1],
    filter: [11, 11, 96],
    conv: { strides: [4, 4], pad: "valid" },
    pool: { filterSize: 3, strides: 2, pad: "valid" },
  },
  {
    input: [3, 29, 36, 3],
    filter: [5, 5, 7],
    conv: { strides: [3, 4], pad: "valid" },
    pool: { filterSize: 3, strides: 2, pad: "same" },
  },
  // In parts of the batch, where it is unpooled.
  {
    input: [5, 32, 32, 1],
    filter: [11, 11, 8],
    conv: { strides: [4, 4], pad: "valid" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
    fits: 3,
  },
];

for (const testCase of CASES) {
  const { input, filter, conv, pool } = testCase;
  webgpuTest(
    `fusedConv2d() ${filter}/${conv.strides} of ${input}, max pool ${
      Object.values(pool)
    } has the same gradients in both ways`,
    async () => {
      const set = await setUpFusedConv(testCase, {
        activation: "relu",
        kind: "max",
      });
      const [usual, sparse, unpooled] = await _gradients(set, [
        undefined,
        "sparse",
        "unpooled",
      ]);
      assertEquals(usual, sparse);
      // Added up in another order.
      assertNotEquals(sparse[0], unpooled[0]);
      // Sums of products with up to as many gradients, each below 1, as windows have a pixel in common.
      const overlap = Math.ceil(pool.filterSize / pool.strides) ** 2;
      const { batch, outHeight, outWidth } = set.sizes;
      const depth = batch * outHeight * outWidth;
      const within = sumTolerance(set.x, Float32Array.of(overlap), depth);
      assertClose(sparse[0], unpooled[0], within);
      assertEquals(sparse[1], unpooled[1]);
    },
  );
}

/** Gradients of filter and bias in each way; without one, in the usual. */
async function _gradients(
  set: FusedConvSetUp,
  ways: readonly (string | undefined)[],
): Promise<Float32Array[][]> {
  const backend = await webgpuBackend();
  const [kernel, bias, x, dy] = set.inputs.map(({ values, shape }): Tensor =>
    tf.tensor(values, [...shape])
  );
  const operation = fusedConvOf(set, false);
  const compute = tf.grads((kernel, bias) => operation(kernel, bias, x));
  const seen = operationsIn(() => tf.dispose(compute([kernel, bias], dy)))
    .filter(({ ways }) => ways.includes("sparse"));
  assertEquals(seen.map(({ ways }) => ways), [["sparse", "unpooled"]]);
  const [{ key }] = seen;
  const results: Float32Array[][] = [];
  for (const way of ways) {
    chooseWays(backend, new Map(way === undefined ? [] : [[key, way]]));
    const gradients = compute([kernel, bias], dy);
    chooseWays(backend, new Map());
    const values: Float32Array[] = [];
    for (const gradient of gradients) {
      values.push(Float32Array.from(await gradient.data()));
    }
    tf.dispose(gradients);
    results.push(values);
  }
  tf.dispose([kernel, bias, x, dy]);
  throwIfDeviceFailed();
  return results;
}
