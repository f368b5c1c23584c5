/**
 * Tests of native kernels as a drop-in for those of TensorFlow.js's CPU backend: that they give the same, and what they leave.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Tensor, type Tensor4D, tf } from "../../../src/device/tf.ts";
import { registerNative } from "../../../src/device/drop_in/register_native.ts";
import { assertCloseTensor } from "../../compare.ts";
import { read } from "../../device.ts";
import { nativeTest, plainly } from "../../native.ts";
import {
  assertTwinsDiffer,
  computeTwins,
  COVERED,
  MISMATCHES,
  randomTensor,
  TWINS,
  UNCOVERED,
} from "../drop_in/register_cases.ts";
import {
  type Calls,
  REPLACED_ON_CPU,
  watchCalls,
} from "../drop_in/stock_calls.ts";

/** Sums of a few dozen terms. */
const RELATIVE = 1e-6;

/** Several sums of hundreds of terms, one after the other. */
const RELATIVE_OF_MODEL = 1e-5;

const takeCalls = await watchCalls("cpu");
const getFunctions = () =>
  REPLACED_ON_CPU.map((name) => tf.getKernel(name, "cpu").kernelFunc);
const STOCK = getFunctions();

nativeTest("registerNative() replaces fifteen kernels, once", () => {
  const registered = getFunctions();
  registered.forEach((kernel, i) => assert(kernel !== STOCK[i]));
  registerNative();
  getFunctions().forEach((kernel, i) => assert(kernel === registered[i]));
});

/** Asserts that native kernels give what the plain ones do, and gives the calls that the former took. */
async function _compare(
  compute: () => Tensor | Tensor[],
  relative = RELATIVE,
): Promise<Calls> {
  const seen: string[] = [];
  const outputs = () => {
    const made = [compute()].flat();
    seen.push(made.map(({ dtype, shape }) => `${dtype} ${shape}`).join(", "));
    return made;
  };
  takeCalls();
  const native = await read(outputs);
  const calls = takeCalls();
  const plain = await plainly(() => read(outputs));
  assertEquals(seen[0], seen[1]);
  native.forEach((values, i) =>
    assertCloseTensor(values, plain[i], { relative })
  );
  return calls;
}

/** Elements of a tensor that is worth a native call, in two dimensions. */
const LARGE = [64, 80];
const large = (seed = 0) => randomTensor(LARGE, seed);

const UNCOVERED_ON_CPU: typeof UNCOVERED = {
  ...UNCOVERED,
  "add of few elements": () =>
    tf.add(randomTensor([4, 5]), randomTensor([4, 5], 1)),
  "relu of few elements": () => tf.relu(randomTensor([4, 5])),
  "add of a column": () => tf.add(large(), randomTensor([64, 1], 1)),
  "mul of a row and a column": () =>
    tf.mul(randomTensor([1, 80]), randomTensor([64, 1], 1)),
  "sub from few elements": () => tf.sub(randomTensor([80], 1), large()),
  "div of one element": () => tf.div(tf.scalar(2), large()),
  "add of a tensor of more dimensions": () =>
    tf.add(large(), randomTensor([1, 1, 80], 1)),
  "add of int32": () =>
    tf.add(tf.ones(LARGE, "int32"), tf.ones(LARGE, "int32")),
  "relu of int32": () => tf.relu(tf.cast(tf.mul(large(), 9), "int32")),
  "sqrt of what is stored as int32": () =>
    tf.sqrt(tf.cast(tf.fill(LARGE, 7, "int32"), "float32")),
  "mul of what is stored as bool": () =>
    tf.mul(large(), tf.cast(tf.greater(large(), large(1)), "float32")),
};
for (const [what, compute] of Object.entries(UNCOVERED_ON_CPU)) {
  nativeTest(`registerNative() leaves ${what} to TensorFlow.js`, async () => {
    const name = what.split(" ")[0];
    const { all, stock } = await _compare(compute);
    // Those of the operands may be ours.
    const kernel = ELEMENTWISE[name];
    const calls = kernel ? all.filter((called) => called === kernel) : all;
    assert(calls.length > 0, "no call of a replaced kernel");
    if (kernel) assertEquals(stock.at(-1), kernel);
    else assertEquals(stock, all);
  });
}

/** Kernels by the operations that call them. */
const ELEMENTWISE: Readonly<Record<string, string>> = {
  add: "Add",
  sub: "Sub",
  mul: "Multiply",
  div: "RealDiv",
  relu: "Relu",
  sigmoid: "Sigmoid",
  sqrt: "Sqrt",
};

const positive = () => tf.tensor(large().dataSync().map(Math.abs), LARGE);
const COVERED_ON_CPU: typeof COVERED = {
  ...COVERED,
  "relu": () => tf.relu(large()),
  "sigmoid": () => tf.sigmoid(large()),
  "sigmoid of large numbers": () =>
    tf.sigmoid(tf.tensor(large().dataSync().map((x) => 1000 * x), LARGE)),
  "sqrt": () => tf.sqrt(positive()),
  "add of equal shapes": () => tf.add(large(), large(1)),
  "add of a tensor to itself": () => {
    const x = large();
    return tf.add(x, x);
  },
  "add of a row": () => tf.add(large(), randomTensor([80], 1)),
  "add to a row": () => tf.add(randomTensor([1, 80], 1), large()),
  "add of a scalar": () => tf.add(large(), 0.5),
  "add of an image": () =>
    tf.add(randomTensor([3, 8, 9, 20]), randomTensor([9, 20], 1)),
  "sub of equal shapes": () => tf.sub(large(), large(1)),
  "sub of a row": () => tf.sub(large(), randomTensor([80], 1)),
  "mul of equal shapes": () => tf.mul(large(), large(1)),
  "mul by a scalar": () => tf.mul(tf.scalar(3), large()),
  "div of equal shapes": () => tf.div(large(), large(1)),
  "div by a row": () => tf.div(large(), randomTensor([80], 1)),
  "div by zero": () =>
    tf.cast(tf.isNaN(tf.div(tf.zeros(LARGE), tf.zeros(LARGE))), "float32"),
  "add of part of a tensor": () =>
    tf.add(
      tf.slice(large(), [3, 0], [60, 80]),
      tf.slice(large(1), 0, [60, 80]),
    ),
};
for (const [what, compute] of Object.entries(COVERED_ON_CPU)) {
  nativeTest(
    `registerNative() gives ${what} as TensorFlow.js does`,
    async () => {
      const { all, stock } = await _compare(compute);
      assertEquals(stock, []);
      assert(all.length > 0, "no call of a replaced kernel");
    },
  );
}

for (const [what, compute] of Object.entries(MISMATCHES)) {
  nativeTest(
    `registerNative() keeps TensorFlow.js's error for ${what}`,
    async () => {
      const fail = () => assertThrows(() => tf.tidy(compute), Error);
      const [native, plain] = [fail(), await plainly(fail)];
      assertEquals(native.message, plain.message);
    },
  );
}

for (const what of Object.keys(TWINS)) {
  nativeTest(`registerNative() tells apart ${what}`, async () => {
    await _compare(() => computeTwins(what));
    assertTwinsDiffer(await read(() => computeTwins(what)));
  });
}

nativeTest(
  "registerNative() has gradients of a small model as TensorFlow.js does",
  async () => {
    const calls = await _compare(() => {
      const x = randomTensor([6, 12, 11, 3]);
      const filter = randomTensor([3, 3, 3, 16], 1);
      const bias = randomTensor([16], 2);
      const weights = randomTensor([5 * 5 * 16, 10], 3);
      const model = (...[x, filter, bias, weights]: Tensor[]) => {
        const y = tf.add(
          tf.conv2d(x as Tensor4D, filter as Tensor4D, 1, "same"),
          bias,
        );
        const pooled = tf.maxPool(tf.relu(y) as Tensor4D, 3, 2, "valid");
        const logits = tf.matMul(tf.reshape(pooled, [6, -1]), weights);
        return tf.mean(tf.square(tf.sigmoid(logits)));
      };
      const { value, grads } = tf.valueAndGrads(model)([
        x,
        filter,
        bias,
        weights,
      ]);
      return [value, ...grads];
    }, RELATIVE_OF_MODEL);
    for (
      const name of [
        "Conv2D",
        "Conv2DBackpropFilter",
        "Conv2DBackpropInput",
        "MaxPool",
        "MaxPoolGrad",
        "BatchMatMul",
        "Relu",
        "Add",
        "Multiply",
      ]
    ) {
      const count = (names: string[]) => names.filter((n) => n === name).length;
      assert(
        count(calls.all) > count(calls.stock),
        `${name} by a native kernel`,
      );
    }
  },
);
