/**
 * Reads the tests that TensorFlow.js's package brings for its operations, so that they can be run with other kernels.
 *
 * They are ES modules whose imports Deno cannot follow (the extensions are missing), written for Jasmine. So their text is
 * run with what they import, and with those few functions of Jasmine that they call.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { tf } from "../../../src/device/tf.ts";

/** A test of TensorFlow.js. */
export interface OwnTest {
  /** Its suite and its name. */
  readonly name: string;
  /** The test, made of what `it` was given and of every `beforeEach` of its suite. */
  readonly run: () => Promise<void>;
}

/** Reads a file of tests in `dist/ops`, for example "max_pool_test.js". TensorFlow.js must be loaded. */
export async function readOwnTests(file: string): Promise<OwnTest[]> {
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
