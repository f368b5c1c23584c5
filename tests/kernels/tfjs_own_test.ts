/**
 * Runs TensorFlow.js's own tests of the operations whose kernels `registerKernels` replaces.
 *
 * @module
 */

import { loadTf, tf } from "../../src/backend/tf.ts";
import { use, webgpuTest } from "../device.ts";
import { watchCalls } from "./stock_calls.ts";
import { readOwnTests } from "./tfjs_own_tests.ts";

const FILES = [
  "conv2d_test.js",
  "conv2d_transpose_test.js",
  "fused/fused_conv2d_test.js",
  "fused/fused_mat_mul_test.js",
  "mat_mul_test.js",
  "max_pool_test.js",
];

const takeCalls = await watchCalls();
for (const file of FILES) {
  for (const { name, run } of await readOwnTests(file)) {
    webgpuTest(`TensorFlow.js's test of ${name}`, async () => {
      await use("webgpu");
      tf.engine().startScope();
      takeCalls();
      try {
        await run();
      } finally {
        const c = takeCalls();
        console.log(`@@${file}|${name}|${c.all.length}|${c.stock.length}|${[...new Set(c.stock)]}`);
        tf.engine().endScope();
      }
    });
  }
}
