/**
 * Tests of average pooling and its gradient on WebGPU against the references.
 *
 * @module
 */

import {
  poolInputShape,
  poolOutputShape,
} from "../../../../src/device/sizes.ts";
import { type Tensor, type Tensor4D, tf } from "../../../../src/device/tf.ts";
import {
  averagePool,
  averagePoolGradient,
  differentiableAveragePool,
} from "../../../../src/device/webgpu/pool/average_pool.ts";
import { assertClose } from "../../../compare.ts";
import { read, webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { formTest } from "../forms.ts";
import { AVERAGE_POOLS, namePool, poolSizesOf } from "./pool_cases.ts";
import {
  checkAveragePool,
  checkAveragePoolGradient,
  type Pool,
} from "./pool_checks.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
} from "./pool_reference.ts";
import { runKernel, webgpuBackend } from "../run.ts";

const forward: Pool = (x, sizes) =>
  runKernel({
    inputs: [x],
    makes: [tf.util.sizeFromShape(poolOutputShape(sizes))],
    kernel: (backend, [x]) => averagePool(backend, x, sizes),
  });

const gradient: Pool = (dy, sizes) =>
  runKernel({
    inputs: [dy],
    makes: [tf.util.sizeFromShape(poolInputShape(sizes))],
    kernel: (backend, [dy]) => averagePoolGradient(backend, dy, sizes),
  });

AVERAGE_POOLS.forEach((pooling) => {
  const what = namePool(pooling);
  formTest(
    `averagePool() ${what} is the reference's`,
    () => checkAveragePool(pooling, forward),
  );
  formTest(
    `averagePoolGradient() ${what} is the reference's`,
    () => checkAveragePoolGradient(pooling, gradient),
  );
});

webgpuTest("differentiableAveragePool() has both on the tape", async () => {
  await webgpuBackend();
  const sizes = await poolSizesOf({
    input: [2, 6, 7, 3],
    window: [3, 4],
    strides: [1, 2],
    pad: "same",
  });
  const x = numbers(2 * 6 * 7 * 3);
  const dy = numbers(2 * 6 * 4 * 3, [-1, 1], 1);
  const [y, dx] = await read(() => {
    const pool = (x: Tensor) => differentiableAveragePool(x as Tensor4D, sizes);
    const input = tf.tensor(x, poolInputShape(sizes));
    const gradient = tf.tensor(dy, poolOutputShape(sizes));
    return [pool(input), tf.grad(pool)(input, gradient)];
  });
  // Wide enough for the bounds above.
  assertClose(y, referenceAveragePool(x, sizes), { absolute: 2e-6 });
  assertClose(dx, referenceAveragePoolGradient(dy, sizes), { absolute: 2e-6 });
});
