/** Tests of activations by native kernels, which must not hide what is no number. */

import { assertEquals } from "@std/assert";
import { activated } from "../../../src/device/onednn/elementwise.ts";
import { makeFloats } from "../../../src/device/onednn/tensors.ts";
import { assertClose } from "../../compare.ts";
import { nativeTest } from "../../native.ts";
import { numbers } from "../../numbers.ts";
import { activate } from "../webgpu/reference.ts";
import { runNative } from "./run.ts";

const SHAPES = [[1], [7], [3, 5], [2, 3, 4], [2, 5, 3, 8], [300, 37]];
const ACTIVATIONS = ["relu", "sigmoid"] as const;

/** Four units in the last place of 1. */
const SIGMOID_ERROR = 4 * 2 ** -23;

/** The activation of numbers. */
function _run(
  values: Float32Array,
  shape: readonly number[],
  activation: typeof ACTIVATIONS[number],
): Promise<Float32Array> {
  return runNative({
    inputs: [],
    kernel: () => {
      const made = makeFloats(shape);
      made.values.set(values);
      return activated(made.info, activation);
    },
  });
}

for (const shape of SHAPES) {
  for (const activation of ACTIVATIONS) {
    const size = shape.reduce((product, n) => product * n);
    nativeTest(
      `activated() of [${shape}] is ${activation}'s reference`,
      async () => {
        const x = numbers(size, [-9, 9]);
        const expected = Float64Array.from(x, (v) => activate(v, activation));
        assertClose(await _run(x, shape, activation), expected, {
          absolute: activation === "sigmoid" ? SIGMOID_ERROR : 0,
        });
      },
    );

    nativeTest(
      `activated() of [${shape}] with ${activation} is NaN where there is one, and there alone`,
      async () => {
        const places = [0, size - 1, Math.floor(size / 2)];
        for (const place of places) {
          const x = numbers(size, [-9, 9]);
          x[place] = NaN;
          const actual = await _run(x, shape, activation);
          assertEquals(actual[place], NaN);
          // assertClose takes no NaN.
          actual[place] = x[place] = 0;
          const expected = Float64Array.from(x, (v) => activate(v, activation));
          expected[place] = 0;
          assertClose(actual, expected, {
            absolute: activation === "sigmoid" ? SIGMOID_ERROR : 0,
          });
        }
      },
    );
  }
}

nativeTest("activated() leaves infinities", async () => {
  const x = Float32Array.of(-Infinity, 1, 2, 3);
  assertEquals([...await _run(x, [4], "relu")], [0, 1, 2, 3]);
  x[0] = Infinity;
  assertEquals([...await _run(x, [4], "relu")], [Infinity, 1, 2, 3]);
  assertClose(
    await _run(x, [1, 4], "sigmoid"),
    [1, 1, 1, 1].map((one, i) => one / (1 + Math.exp(-x[i]))),
    { absolute: SIGMOID_ERROR },
  );
});
