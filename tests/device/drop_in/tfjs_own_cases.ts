/**
 * TensorFlow.js's own tests of the operations whose kernels are replaced, for any device.
 *
 * Its package has them as ES modules whose imports Deno cannot follow (the extensions are missing), written for Jasmine. So their
 * text is run with what they import, and with those few functions of Jasmine that they call.
 */

import { assert, assertEquals } from "@std/assert";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { tf } from "../../../src/device/tf.ts";
import { type Calls, REPLACED } from "./stock_calls.ts";

/**
 * The files of TensorFlow.js 4.22.0: how many calls of these kernels their tests make, and how many of those ours may leave, as
 * measured 80 of 319. Those have NCHW, dilation, other activations than relu, biases that are not one value per column, int32,
 * or shapes that are empty or do not fit; on the CPU also windows in padding alone.
 */
const OWN_TESTS: Readonly<
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
  /** The function that replaces its kernels. */
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

/** A test of TensorFlow.js. */
interface OwnTest {
  /** Its suite and its name. */
  readonly name: string;
  /** The test, made of what `it` was given and of every `beforeEach` of its suite. */
  readonly run: () => Promise<void>;
}

/** Reads a file of tests in `dist/ops`, for example "max_pool_test.js". TensorFlow.js must be loaded. */
async function readOwnTests(file: string): Promise<OwnTest[]> {
  addMethods();
  const tests: OwnTest[] = [];
  let suite = "";
  let before: (() => unknown)[] = [];
  const { expectArraysClose, expectArraysEqual } = tf.test_util;
  const scope = {
    tf,
    ALL_ENVS: {},
    expectArraysClose,
    expectArraysEqual,
    expect: expect,
    describeWithFlags(name: string, _flags: unknown, define: () => void) {
      suite = name;
      before = [];
      define();
    },
    beforeEach: (setUp: () => unknown) => before.push(setUp),
    it(name: string, test: () => unknown) {
      const parts = [...before, test];
      const run = async () => {
        for (const part of parts) await part();
      };
      tests.push({ name: `${suite}: ${name}`, run });
    },
  };
  let code = await readModule(file);
  if (code.includes("identityPoolTest(")) {
    code = `${await readModule("identity_pool_test.js")}\n${code}`;
  }
  new Function(...Object.keys(scope), code)(...Object.values(scope));
  return tests;
}

/** The operations that these tests call as methods of a tensor, which only the union package of TensorFlow.js adds. */
function addMethods(): void {
  const prototype = tf.Tensor.prototype as unknown as Record<string, unknown>;
  const operations = tf as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  for (const name of ["conv2d", "dot", "matMul", "maxPool", "mul", "reshape"]) {
    prototype[name] ??= function (...args: unknown[]) {
      return operations[name](this, ...args);
    };
  }
}

/** The text of a module without its imports and exports. */
async function readModule(file: string): Promise<string> {
  const core = createRequire(import.meta.url).resolve("@tensorflow/tfjs-core");
  const text = await Deno.readTextFile(join(dirname(core), "ops", file));
  return text.replace(/^import .*$/gm, "").replace(/^export /gm, "");
}

/** Jasmine's expectations, as far as these tests use them. */
function expect(actual: unknown) {
  return {
    toBe: (expected: unknown) => assert(Object.is(actual, expected)),
    toEqual: (expected: unknown) => assertEquals(actual, expected),
    toThrowError(expected?: RegExp | string) {
      let message: string | undefined;
      try {
        (actual as () => unknown)();
      } catch (error) {
        message = (error as Error).message;
      }
      assert(message !== undefined, "nothing was thrown");
      if (expected instanceof RegExp) assert(expected.test(message), message);
      else if (expected !== undefined) assertEquals(message, expected);
    },
  };
}
