/** Calls of TensorFlow.js's operations whose kernels are replaced: what ours cover, and what they leave. */

import { assert, assertEquals } from "@std/assert";
import type { backend_util, Tensor3D } from "@tensorflow/tfjs-core";
import { type Tensor, type Tensor4D, tf } from "../../../src/device/tf.ts";
import { numbers } from "../../numbers.ts";

/** Makes a tensor of random numbers. */
export function randomTensor(shape: number[], seed = 0): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(numbers(size, [-1, 1], seed), shape);
}

const IMAGE = () => randomTensor([2, 9, 8, 3]) as Tensor4D;
const FILTER = () => randomTensor([3, 3, 3, 5], 1) as Tensor4D;
/** Cases that our kernels do not cover. */
export const UNCOVERED: Readonly<Record<string, () => Tensor>> = {
  "dilated conv2d": () =>
    tf.conv2d(IMAGE(), FILTER(), 1, "same", "NHWC", [2, 2]),
  "NCHW conv2d": () =>
    tf.conv2d(
      randomTensor([2, 3, 9, 8]) as Tensor4D,
      FILTER(),
      2,
      "valid",
      "NCHW",
    ),
  "gradients of a NCHW conv2d": () =>
    tf.grad((x) => tf.conv2d(x as Tensor4D, FILTER(), 1, 1, "NCHW"))(
      randomTensor([2, 3, 9, 8]),
    ),
  "fused conv2d with sigmoid": () =>
    tf.fused.conv2d({
      x: IMAGE(),
      filter: FILTER(),
      strides: 1,
      pad: "valid",
      bias: randomTensor([5], 2),
      activation: "sigmoid",
    }),
  "fused conv2d with a bias of one value": () =>
    tf.fused.conv2d({
      x: IMAGE(),
      filter: FILTER(),
      strides: 1,
      pad: "valid",
      bias: tf.scalar(0.5),
    }),
  "int32 matMul": () =>
    tf.matMul(
      tf.tensor2d([1, -2, 3, 4, 5, 6], [2, 3], "int32"),
      tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2], "int32"),
    ),
  "elu-fused matMul": () =>
    tf.fused.matMul({
      a: randomTensor([4, 7]),
      b: randomTensor([7, 3], 1),
      bias: randomTensor([3], 2),
      activation: "elu",
    }),
  "prelu-fused matMul": () =>
    tf.fused.matMul({
      a: randomTensor([4, 7]),
      b: randomTensor([7, 3], 1),
      activation: "prelu",
      preluActivationWeights: randomTensor([3], 2),
    }),
  "fused matMul with a bias per row": () =>
    tf.fused.matMul({
      a: randomTensor([4, 7]),
      b: randomTensor([7, 3], 1),
      bias: randomTensor([4, 1], 2),
    }),
  "matMul of nothing": () =>
    tf.matMul(randomTensor([0, 3]), randomTensor([3, 2], 1)),
};

/** Shapes and dtypes that a covered kernel must give as TensorFlow.js does. */
export const COVERED: Readonly<Record<string, () => Tensor>> = {
  "conv2d of one image": () =>
    tf.conv2d(randomTensor([9, 8, 3]) as Tensor3D, FILTER(), 2, "same"),
  "conv2d with rounding": () =>
    tf.conv2d(IMAGE(), FILTER(), 2, 1, "NHWC", 1, "ceil"),
  "fused conv2d with relu": () =>
    tf.fused.conv2d({
      x: IMAGE(),
      filter: FILTER(),
      strides: 1,
      pad: "valid",
      bias: randomTensor([5], 2),
      activation: "relu",
    }),
  "fused matMul with a bias per column": () =>
    tf.fused.matMul({
      a: randomTensor([4, 7]),
      b: randomTensor([7, 3], 1),
      bias: randomTensor([1, 3], 2),
    }),
  "matMul of one matrix with a batch": () =>
    tf.matMul(randomTensor([3, 4]), randomTensor([2, 5, 4, 3], 1)),
  "matMul of batches of one": () =>
    tf.matMul(randomTensor([1, 1, 3, 4]), randomTensor([4, 3], 1)),
  "matMul of equal batches": () =>
    tf.matMul(
      randomTensor([2, 3, 2, 4]),
      randomTensor([2, 3, 5, 4], 1),
      false,
      true,
    ),
  "maxPool of one image": () =>
    tf.maxPool(randomTensor([9, 8, 3]) as Tensor3D, 3, 2, "same"),
  "maxPool of -Infinity": () =>
    tf.isInf(
      tf.maxPool(tf.fill([1, 5, 5, 2], -Infinity) as Tensor4D, 3, 2, "same"),
    ),
};

/** Calls that TensorFlow.js refuses. */
export const MISMATCHES: Readonly<Record<string, () => Tensor>> = {
  "matMul of other inner sizes": () =>
    tf.matMul(randomTensor([2, 3]), randomTensor([4, 5])),
  "matMul of other batches": () =>
    tf.matMul(randomTensor([2, 3, 4]), randomTensor([3, 4, 5])),
  "fused matMul of other inner sizes": () =>
    tf.fused.matMul({ a: randomTensor([2, 3]), b: randomTensor([4, 5]) }),
  "fused matMul with another bias": () =>
    tf.fused.matMul({
      a: randomTensor([2, 3]),
      b: randomTensor([3, 5]),
      bias: randomTensor([4]),
    }),
  "conv2d of other channels": () =>
    tf.conv2d(IMAGE(), randomTensor([3, 3, 4, 5]) as Tensor4D, 1, "same"),
  "maxPool of a matrix": () =>
    tf.maxPool(randomTensor([3, 3]) as Tensor4D, 2, 2, 0),
};

/** Calls whose tensors have equal shapes and whose results differ: a shader cached for one is wrong for the other. */
export const TWINS: Readonly<Record<string, ((x: Tensor) => Tensor)[]>> = {
  "conv2d by stride": [2, 3].map((strides) => (x) => convolve(x, strides)),
  "conv2d by padding": [0, 1, 2].map((before) => (x) =>
    convolve(x, 1, [[0, 0], [before, 2 - before], [2 - before, before], [
      0,
      0,
    ]])
  ),
  "conv2d by stride and padding": [
    (x) => convolve(x, 1, "valid"),
    (x) => convolve(x, 2, [[0, 0], [1, 2], [1, 2], [0, 0]]),
  ],
  "maxPool by stride": [2, 3].map((strides) => (x) =>
    tf.maxPool(x as Tensor4D, 3, strides, "valid")
  ),
  "maxPool by window": [2, 3].map((window) => (x) =>
    tf.maxPool(x as Tensor4D, window, 2, "same")
  ),
  "matMul by what is transposed": [0, 1, 2, 3].map((bits) => (x) =>
    tf.matMul(x, randomTensor([6, 6], 3), (bits & 1) > 0, (bits & 2) > 0)
  ),
};

/** Computes an output and a gradient for each of some twins. */
export function computeTwins(what: string): Tensor[] {
  return TWINS[what].flatMap((compute) => {
    const x = randomTensor([1, 6, 6, 2], 2);
    const input = what.startsWith("matMul")
      ? tf.slice(tf.reshape(x, [12, 6]), 0, [6, 6])
      : x;
    return [compute(input), tf.grad(compute)(input)];
  });
}

/** Asserts that twins differ, in what {@linkcode computeTwins} gave. */
export function assertTwinsDiffer(values: readonly Float32Array[]): void {
  values.forEach((one, i) => {
    for (let j = i + 2; j < values.length; j += 2) {
      assertEquals(one.length, values[j].length, "twins of equal shape");
      const isEqual = one.every((value, k) => value === values[j][k]);
      assert(!isEqual, `twins ${i >> 1} and ${j >> 1} differ`);
    }
  });
}

function convolve(
  x: Tensor,
  strides: number,
  pad: "valid" | backend_util.ExplicitPadding = "valid",
): Tensor {
  return tf.conv2d(
    x as Tensor4D,
    randomTensor([3, 3, 2, 4], 4) as Tensor4D,
    strides,
    pad,
  );
}
