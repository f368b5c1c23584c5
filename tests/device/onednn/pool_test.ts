/**
 * Tests of pooling and its gradients by native kernels against the references.
 *
 * @module
 */

import {
  nativePool,
  nativePoolGradient,
} from "../../../src/device/onednn/pool.ts";
import { nativeTest } from "../../native.ts";
import {
  AVERAGE_POOLS,
  MAX_POOLS,
  namePool,
} from "../webgpu/pool/pool_cases.ts";
import {
  checkAveragePool,
  checkAveragePoolGradient,
  checkMaxPool,
  checkMaxPoolGradient,
  checkMaxPoolRow,
  LEAST_ROW,
  MAX_POOL_ROWS,
  type MaxPoolGradient,
  type Pool,
} from "../webgpu/pool/pool_checks.ts";
import { runNative } from "./run.ts";

/** Where oneDNN begins to look for the largest. */
const LEAST_FINITE = -(2 - 2 ** -23) * 2 ** 127;

const average: Pool = (x, sizes) =>
  runNative({
    inputs: [x],
    kernel: (_, [x]) => nativePool(x, "average", sizes).pooled,
  });

const averageGradient: Pool = (dy, sizes) =>
  runNative({
    inputs: [dy],
    kernel: (_, [dy]) => nativePoolGradient({ dy }, sizes),
  });

const max: Pool = (x, sizes) =>
  runNative({
    inputs: [x],
    kernel: (backend, [x]) => {
      const { pooled, places } = nativePool(x, "max", sizes);
      backend.disposeData(places!.dataId);
      return pooled;
    },
  });

const maxGradient: MaxPoolGradient = ({ dy, x }, sizes) =>
  runNative({
    inputs: [dy, x],
    kernel: (backend, [dy, x]) => {
      const { pooled, places } = nativePool(x, "max", sizes);
      backend.disposeData(pooled.dataId);
      const dx = nativePoolGradient({ dy, places }, sizes);
      backend.disposeData(places!.dataId);
      return dx;
    },
  });

for (const pooling of AVERAGE_POOLS) {
  const what = namePool(pooling);
  nativeTest(
    `nativePool() average ${what} is the reference's`,
    () => checkAveragePool(pooling, average),
  );
  nativeTest(
    `nativePoolGradient() average ${what} is the reference's`,
    () => checkAveragePoolGradient(pooling, averageGradient),
  );
}

for (const pooling of MAX_POOLS) {
  const what = namePool(pooling);
  nativeTest(
    `nativePool() max ${what} is the reference's`,
    () => checkMaxPool(pooling, max),
  );
  nativeTest(
    `nativePoolGradient() max ${what} is the reference's`,
    () => checkMaxPoolGradient(pooling, maxGradient),
  );
}

for (const channels of [1, 4, 16]) {
  for (const [what, row] of Object.entries(MAX_POOL_ROWS)) {
    nativeTest(
      `nativePool() max ${what}, ${channels} channels`,
      () =>
        checkMaxPoolRow({ row, channels }, {
          forward: max,
          gradient: maxGradient,
        }),
    );
  }
}

nativeTest(
  "nativePool() max gives a window of -Infinity the least finite number, and its gradient to the first",
  async () => {
    const row = { ...LEAST_ROW, pooled: [LEAST_FINITE] };
    const operations = { forward: max, gradient: maxGradient };
    await checkMaxPoolRow({ row, channels: 1 }, operations);
  },
);
