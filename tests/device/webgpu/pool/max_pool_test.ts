/**
 * Tests of max pooling and its gradient on WebGPU against the references.
 *
 * @module
 */

import {
  poolInputShape,
  poolOutputShape,
} from "../../../../src/device/sizes.ts";
import { tf } from "../../../../src/device/tf.ts";
import {
  maxPool,
  maxPoolGradient,
  maxPoolWithPlaces,
} from "../../../../src/device/webgpu/pool/max_pool.ts";
import { passTest } from "../forms.ts";
import { MAX_POOLS, namePool } from "./pool_cases.ts";
import {
  checkMaxPool,
  checkMaxPoolGradient,
  checkMaxPoolRow,
  LEAST_ROW,
  MAX_POOL_ROWS,
  type MaxPoolGradient,
  type Pool,
  rowSizes,
  spread,
} from "./pool_checks.ts";
import { referenceMaxPool } from "./pool_reference.ts";
import { runKernel, runKernelOfSeveral } from "../run.ts";
import { assertEquals } from "@std/assert";

const forward: Pool = (x, sizes) =>
  runKernel({
    inputs: [x],
    makes: [tf.util.sizeFromShape(poolOutputShape(sizes))],
    kernel: (backend, [x]) => maxPool(backend, x, sizes),
  });

const gradient: MaxPoolGradient = ({ dy, x }, sizes) =>
  runKernel({
    inputs: [dy, x],
    makes: [dy.values.length, x.values.length],
    kernel: (backend, [dy, x]) => maxPoolGradient(backend, { dy, x }, sizes),
  });

for (const pooling of MAX_POOLS) {
  const what = namePool(pooling);
  passTest(
    `maxPool() ${what} is the reference's`,
    () => checkMaxPool(pooling, forward),
  );
  passTest(
    `maxPoolGradient() ${what} is the reference's`,
    () => checkMaxPoolGradient(pooling, gradient),
  );
}

for (const channels of [1, 4]) {
  const rows = { ...MAX_POOL_ROWS, "finds infinities alone": LEAST_ROW };
  for (const [what, row] of Object.entries(rows)) {
    passTest(
      `maxPool() ${what}, ${channels} channels`,
      () => checkMaxPoolRow({ row, channels }, { forward, gradient }),
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
        makes: [3 * channels],
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
