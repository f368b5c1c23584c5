/** Tests of pooling and its gradients on WebGPU against the references. */

import {
  poolInputShape,
  poolOutputShape,
} from "../../../../src/device/sizes.ts";
import { type Tensor, type Tensor4D, tf } from "../../../../src/device/tf.ts";
import {
  averagePool,
  averagePoolGradient,
  differentiablePool,
  maxPool,
  maxPoolGradient,
  maxPoolWithPlaces,
} from "../../../../src/device/webgpu/pool/pool.ts";
import { assertClose } from "../../../compare.ts";
import { read, webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { formTest, passTest } from "../forms.ts";
import {
  AVERAGE_POOLS,
  MAX_POOLS,
  namePool,
  poolSizesOf,
} from "./pool_cases.ts";
import {
  checkAveragePool,
  checkAveragePoolGradient,
  checkMaxPool,
  checkMaxPoolGradient,
  checkMaxPoolRow,
  MAX_POOL_ROWS,
  type MaxPoolGradient,
  type Pool,
  rowSizes,
  spread,
} from "./pool_checks.ts";
import {
  referenceAveragePool,
  referenceAveragePoolGradient,
  referenceMaxPool,
} from "./pool_reference.ts";
import { runKernel, runKernelOfSeveral, webgpuBackend } from "../run.ts";
import { assertEquals } from "@std/assert";

const max: Pool = (x, sizes) =>
  runKernel({
    inputs: [x],
    kernel: (backend, [x]) => maxPool(backend, x, sizes),
  });

const maxGradient: MaxPoolGradient = ({ dy, x }, sizes) =>
  runKernel({
    inputs: [dy, x],
    kernel: (backend, [dy, x]) => maxPoolGradient(backend, { dy, x }, sizes),
  });

for (const pooling of MAX_POOLS) {
  const what = namePool(pooling);
  passTest(
    `maxPool() ${what} is the reference's`,
    () => checkMaxPool(pooling, max),
  );
  passTest(
    `maxPoolGradient() ${what} is the reference's`,
    () => checkMaxPoolGradient(pooling, maxGradient),
  );
}

for (const channels of [1, 4]) {
  for (const [what, row] of Object.entries(MAX_POOL_ROWS)) {
    passTest(
      `maxPool() ${what}, ${channels} channels`,
      () =>
        checkMaxPoolRow({ row, channels }, {
          forward: max,
          gradient: maxGradient,
        }),
    );
  }

  passTest(
    `maxPoolWithPlaces() passes the first NaN on, ${channels} channels`,
    async () => {
      const values = [1, NaN, 2, NaN, 3, NaN, 4, 5, 1];
      const sizes = await rowSizes(values.length, channels);
      const x = spread(values, channels);
      const [pooled, places] = await runKernelOfSeveral({
        inputs: [{ values: x, shape: poolInputShape(sizes) }],
        kernel: (backend, [x]) => {
          const { pooled, places } = maxPoolWithPlaces(backend, x, sizes);
          return [pooled, places];
        },
      });
      const expected = referenceMaxPool(x, sizes, "largest");
      assertEquals(pooled, spread([NaN, NaN, 5], channels));
      assertEquals([...pooled], [...expected.values]);
      assertEquals(places, spread([1, 3, 7], channels));
    },
  );
}

const average: Pool = (x, sizes) =>
  runKernel({
    inputs: [x],
    kernel: (backend, [x]) => averagePool(backend, x, sizes),
  });

const averageGradient: Pool = (dy, sizes) =>
  runKernel({
    inputs: [dy],
    kernel: (backend, [dy]) => averagePoolGradient(backend, dy, sizes),
  });

AVERAGE_POOLS.forEach((pooling) => {
  const what = namePool(pooling);
  formTest(
    `averagePool() ${what} is the reference's`,
    () => checkAveragePool(pooling, average),
  );
  formTest(
    `averagePoolGradient() ${what} is the reference's`,
    () => checkAveragePoolGradient(pooling, averageGradient),
  );
});

webgpuTest(
  "differentiablePool() has average pooling and its gradient",
  async () => {
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
      const pool = (x: Tensor) =>
        differentiablePool(x as Tensor4D, { kind: "average", sizes });
      const input = tf.tensor(x, poolInputShape(sizes));
      const gradient = tf.tensor(dy, poolOutputShape(sizes));
      return [pool(input), tf.grad(pool)(input, gradient)];
    });
    // Wide enough for the bounds above.
    assertClose(y, referenceAveragePool(x, sizes), { absolute: 2e-6 });
    assertClose(dx, referenceAveragePoolGradient(dy, sizes), {
      absolute: 2e-6,
    });
  },
);
