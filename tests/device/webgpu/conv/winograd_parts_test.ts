/**
 * Tests that convolution and max pooling by tiles are the same in parts of the batch, of which each is cut again into tiles.
 */

import { assert } from "@std/assert";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { type Tensor, tf } from "../../../../src/device/tf.ts";
import { chooseWays } from "../../../../src/device/webgpu/run/ways.ts";
import { assertCloseTensor } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import {
  type FusedConvCase,
  fusedConvOf,
  setUpFusedConv,
} from "./fused_conv_cases.ts";
import { webgpuBackend } from "../run.ts";
import { chooseNamed } from "../traces.ts";

const CASE: FusedConvCase = {
  input: [5, 12, 12, 32],
  filter: [3, 3, 32],
  conv: { strides: [1, 1], pad: "same" },
  pool: { filterSize: 3, strides: 2, pad: "valid" },
};

for (const fits of [3, 2, 1]) {
  for (const way of ["winograd 4x4", "direct"]) {
    webgpuTest(
      `fusedConv2d() of 5 images, ${way}, in parts of at most ${fits}, gives what it gives of the whole batch`,
      async () => {
        const whole = await compute(CASE, way);
        const parts = await compute({ ...CASE, fits }, way);
        parts.forEach((values, i) =>
          // The gradient of the filter is added up in another order.
          assertCloseTensor(values, whole[i], {
            relative: 1e-5,
            what: `tensor ${i}`,
          })
        );
      },
    );
  }
}

/** Output, and gradients of filter, bias and input, in one way. */
async function compute(
  testCase: FusedConvCase,
  way: string,
): Promise<Float32Array[]> {
  const backend = await webgpuBackend();
  const set = await setUpFusedConv(testCase, {
    activation: "relu",
    kind: "max",
  });
  const [kernel, bias, x, dy] = set.inputs.map(({ values, shape }): Tensor =>
    tf.tensor(values, [...shape])
  );
  const operation = fusedConvOf(set, true);
  const run = () => [
    operation(kernel, bias, x),
    ...tf.grads((kernel, bias, x) => operation(kernel, bias, x))(
      [kernel, bias, x],
      dy,
    ),
  ];
  assert(chooseNamed(backend, [way], () => tf.dispose(run())) >= 3);
  try {
    const results: Float32Array[] = [];
    for (const tensor of run()) {
      results.push(Float32Array.from(await tensor.data()));
      tensor.dispose();
    }
    throwIfDeviceFailed();
    return results;
  } finally {
    chooseWays(backend, new Map());
    tf.dispose([kernel, bias, x, dy]);
  }
}
