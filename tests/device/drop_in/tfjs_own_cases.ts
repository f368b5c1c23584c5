/**
 * Registers TensorFlow.js's own tests of the operations whose kernels are replaced, for any device.
 *
 * @module
 */

import { assert } from "@std/assert";
import { tf } from "../../../src/device/tf.ts";
import { type Calls, REPLACED } from "./stock_calls.ts";
import { readOwnTests } from "./tfjs_own_tests.ts";

/**
 * The files of TensorFlow.js 4.22.0, with how many calls of these kernels their tests make and how many of those ours
 * may leave to TensorFlow.js's: as measured, 80 of 319. They are of NCHW, of dilation, of other activations than relu, of
 * biases that are not one value per column, of int32, of what is empty or does not fit and, on the CPU, of windows in padding
 * alone.
 */
export const OWN_TESTS: Readonly<
  Record<string, { calls: number; left: number }>
> = {
  "conv2d_test.js": { calls: 38, left: 17 },
  "conv2d_transpose_test.js": { calls: 22, left: 1 },
  "fused/fused_conv2d_test.js": { calls: 67, left: 36 },
  "fused/fused_mat_mul_test.js": { calls: 48, left: 10 },
  "mat_mul_test.js": { calls: 92, left: 13 },
  "max_pool_test.js": { calls: 52, left: 3 },
};

/** A device to run them on. */
export interface OwnTestDevice {
  /** What replaces its kernels. */
  readonly replacer: string;
  /** Registers a test that runs on it. */
  readonly test: (name: string, run: () => Promise<void> | void) => void;
  /** Makes it ready. */
  readonly start: () => Promise<unknown>;
  /** Gives the calls since it was last called. */
  readonly takeCalls: () => Calls;
}

/** Registers the tests. */
export async function registerOwnTests(
  { replacer, test, start, takeCalls }: OwnTestDevice,
): Promise<void> {
  for (const [file, expected] of Object.entries(OWN_TESTS)) {
    const tests = await readOwnTests(file);
    const counts = { tests: 0, calls: 0, left: 0 };
    for (const { name, run } of tests) {
      test(`TensorFlow.js's test of ${name}`, async () => {
        await start();
        tf.engine().startScope();
        takeCalls();
        try {
          await run();
        } finally {
          tf.engine().endScope();
          const { all, stock } = takeCalls();
          counts.tests++;
          counts.calls += all.filter(isHeavy).length;
          counts.left += stock.filter(isHeavy).length;
        }
      });
    }

    Deno.test(`readOwnTests() finds tests in ${file}`, () => {
      assert(tests.length > 0);
    });

    test(
      `${replacer}() leaves at most ${expected.left} calls of ${file} to TensorFlow.js`,
      () => {
        assert(counts.left <= expected.left, `${counts.left} calls`);
        // With --filter, or shuffled, not all of them have run.
        if (counts.tests < tests.length) return;
        assert(counts.calls >= expected.calls, `of ${counts.calls} calls`);
      },
    );
  }
}

/** Whether a kernel is one that these tests are of; others that are replaced compute with it. */
function isHeavy(kernel: string): boolean {
  return REPLACED.includes(kernel);
}
