/**
 * Tests of our kernels as a drop-in for TensorFlow.js's own: what they leave to those, and that no two cases share a
 * shader.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { backend_util, Tensor3D } from "@tensorflow/tfjs-core";
import { type Tensor, type Tensor4D, tf } from "../../src/backend/tf.ts";
import { registerKernels } from "../../src/kernels/register.ts";
import { assertCloseTensor } from "../compare.ts";
import { readBoth, use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { type Calls, REPLACED, watchCalls } from "./stock_calls.ts";

/** Sums of a few dozen terms. */
const RELATIVE = 1e-6;

const takeCalls = await watchCalls();
const getFunctions = () =>
  REPLACED.map((name) => tf.getKernel(name, "webgpu").kernelFunc);
const STOCK = getFunctions();

webgpuTest("registerKernels() replaces eight kernels, once", async () => {
  assertEquals((await registerKernels()).sort(), REPLACED);
  const registered = getFunctions();
  registered.forEach((kernel, i) => assert(kernel !== STOCK[i]));
  assertEquals((await registerKernels()).sort(), REPLACED);
  getFunctions().forEach((kernel, i) => assert(kernel === registered[i]));
});

/** A tensor of random numbers. */
function _random(shape: number[], seed = 0): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(numbers(size, [-1, 1], seed), shape);
}

/** Asserts that WebGPU gives what the CPU does, and gives the calls that this took. */
async function _compare(compute: () => Tensor): Promise<Calls> {
  const seen: string[] = [];
  takeCalls();
  const { webgpu, cpu } = await readBoth(() => {
    const output = compute();
    seen.push(`${output.dtype} ${output.shape}`);
    return [output];
  });
  assertEquals(seen[0], seen[1]);
  assertCloseTensor(webgpu[0], cpu[0], { relative: RELATIVE });
  return takeCalls();
}

const IMAGE = () => _random([2, 9, 8, 3]) as Tensor4D;
const FILTER = () => _random([3, 3, 3, 5], 1) as Tensor4D;
/** Cases that our kernels do not cover. */
const UNCOVERED: Readonly<Record<string, () => Tensor>> = {
  "dilated conv2d": () =>
    tf.conv2d(IMAGE(), FILTER(), 1, "same", "NHWC", [2, 2]),
  "NCHW conv2d": () =>
    tf.conv2d(_random([2, 3, 9, 8]) as Tensor4D, FILTER(), 2, "valid", "NCHW"),
  "gradients of a NCHW conv2d": () =>
    tf.grad((x) => tf.conv2d(x as Tensor4D, FILTER(), 1, 1, "NCHW"))(
      _random([2, 3, 9, 8]),
    ),
  "fused conv2d with sigmoid": () =>
    tf.fused.conv2d({
      x: IMAGE(),
      filter: FILTER(),
      strides: 1,
      pad: "valid",
      bias: _random([5], 2),
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
      a: _random([4, 7]),
      b: _random([7, 3], 1),
      bias: _random([3], 2),
      activation: "elu",
    }),
  "prelu-fused matMul": () =>
    tf.fused.matMul({
      a: _random([4, 7]),
      b: _random([7, 3], 1),
      activation: "prelu",
      preluActivationWeights: _random([3], 2),
    }),
  "fused matMul with a bias per row": () =>
    tf.fused.matMul({
      a: _random([4, 7]),
      b: _random([7, 3], 1),
      bias: _random([4, 1], 2),
    }),
  "matMul of nothing": () => tf.matMul(_random([0, 3]), _random([3, 2], 1)),
};
for (const [what, compute] of Object.entries(UNCOVERED)) {
  webgpuTest(`registerKernels() leaves ${what} to TensorFlow.js`, async () => {
    const { all, stock } = await _compare(compute);
    assertEquals(stock, all);
    assert(all.length > 0, "no call of a replaced kernel");
  });
}

/** Shapes and dtypes that a covered kernel must give as TensorFlow.js does. */
const COVERED: Readonly<Record<string, () => Tensor>> = {
  "conv2d of one image": () =>
    tf.conv2d(_random([9, 8, 3]) as Tensor3D, FILTER(), 2, "same"),
  "conv2d with rounding": () =>
    tf.conv2d(IMAGE(), FILTER(), 2, 1, "NHWC", 1, "ceil"),
  "fused conv2d with relu": () =>
    tf.fused.conv2d({
      x: IMAGE(),
      filter: FILTER(),
      strides: 1,
      pad: "valid",
      bias: _random([5], 2),
      activation: "relu",
    }),
  "fused matMul with a bias per column": () =>
    tf.fused.matMul({
      a: _random([4, 7]),
      b: _random([7, 3], 1),
      bias: _random([1, 3], 2),
    }),
  "matMul of one matrix with a batch": () =>
    tf.matMul(_random([3, 4]), _random([2, 5, 4, 3], 1)),
  "matMul of batches of one": () =>
    tf.matMul(_random([1, 1, 3, 4]), _random([4, 3], 1)),
  "matMul of equal batches": () =>
    tf.matMul(_random([2, 3, 2, 4]), _random([2, 3, 5, 4], 1), false, true),
  "maxPool of one image": () =>
    tf.maxPool(_random([9, 8, 3]) as Tensor3D, 3, 2, "same"),
};
for (const [what, compute] of Object.entries(COVERED)) {
  webgpuTest(
    `registerKernels() gives ${what} as TensorFlow.js does`,
    async () => {
      const { all, stock } = await _compare(compute);
      assertEquals(stock, []);
      assert(all.length > 0, "no call of a replaced kernel");
    },
  );
}

const MISMATCHES: Readonly<Record<string, () => Tensor>> = {
  "matMul of other inner sizes": () =>
    tf.matMul(_random([2, 3]), _random([4, 5])),
  "matMul of other batches": () =>
    tf.matMul(_random([2, 3, 4]), _random([3, 4, 5])),
  "fused matMul of other inner sizes": () =>
    tf.fused.matMul({ a: _random([2, 3]), b: _random([4, 5]) }),
  "fused matMul with another bias": () =>
    tf.fused.matMul({
      a: _random([2, 3]),
      b: _random([3, 5]),
      bias: _random([4]),
    }),
  "conv2d of other channels": () =>
    tf.conv2d(IMAGE(), _random([3, 3, 4, 5]) as Tensor4D, 1, "same"),
  "maxPool of a matrix": () => tf.maxPool(_random([3, 3]) as Tensor4D, 2, 2, 0),
};
for (const [what, compute] of Object.entries(MISMATCHES)) {
  webgpuTest(
    `registerKernels() keeps TensorFlow.js's error for ${what}`,
    async () => {
      const messages: string[] = [];
      for (const device of ["cpu", "webgpu"] as const) {
        await use(device);
        const error = assertThrows(() => tf.tidy(compute), Error);
        messages.push(error.message);
      }
      assertEquals(messages[1], messages[0]);
    },
  );
}

/** Calls whose tensors have equal shapes and whose results differ: a shader cached for one is wrong for the other. */
const TWINS: Readonly<Record<string, ((x: Tensor) => Tensor)[]>> = {
  "conv2d by stride": [2, 3].map((strides) => (x) => _convolve(x, strides)),
  "conv2d by padding": [0, 1, 2].map((before) => (x) =>
    _convolve(x, 1, [[0, 0], [before, 2 - before], [2 - before, before], [
      0,
      0,
    ]])
  ),
  "conv2d by stride and padding": [
    (x) => _convolve(x, 1, "valid"),
    (x) => _convolve(x, 2, [[0, 0], [1, 2], [1, 2], [0, 0]]),
  ],
  "maxPool by stride": [2, 3].map((strides) => (x) =>
    tf.maxPool(x as Tensor4D, 3, strides, "valid")
  ),
  "maxPool by window": [2, 3].map((window) => (x) =>
    tf.maxPool(x as Tensor4D, window, 2, "same")
  ),
  "matMul by what is transposed": [0, 1, 2, 3].map((bits) => (x) =>
    tf.matMul(x, _random([6, 6], 3), (bits & 1) > 0, (bits & 2) > 0)
  ),
};
for (const [what, twins] of Object.entries(TWINS)) {
  webgpuTest(`registerKernels() tells apart ${what}`, async () => {
    takeCalls();
    const { webgpu, cpu } = await readBoth(() =>
      twins.flatMap((compute) => {
        const x = _random([1, 6, 6, 2], 2);
        const input = what.startsWith("matMul")
          ? tf.slice(tf.reshape(x, [12, 6]), 0, [6, 6])
          : x;
        return [compute(input), tf.grad(compute)(input)];
      })
    );
    assertEquals(takeCalls().stock, []);
    webgpu.forEach((values, i) => {
      assertCloseTensor(values, cpu[i], { relative: RELATIVE });
      for (let j = i + 2; j < webgpu.length; j += 2) {
        assertEquals(values.length, webgpu[j].length, "twins of equal shape");
        const isEqual = values.every((value, k) => value === webgpu[j][k]);
        assert(!isEqual, `twins ${i >> 1} and ${j >> 1} differ`);
      }
    });
  });
}

function _convolve(
  x: Tensor,
  strides: number,
  pad: "valid" | backend_util.ExplicitPadding = "valid",
): Tensor {
  return tf.conv2d(
    x as Tensor4D,
    _random([3, 3, 2, 4], 4) as Tensor4D,
    strides,
    pad,
  );
}
