/** Tests of pooling and its gradients by native kernels against the references. */

import {
  nativePool,
  nativePoolGradient,
} from "../../../src/device/onednn/pool.ts";
import { nativeTest } from "../../native.ts";
import {
  AVERAGE_POOLS,
  MAX_POOLS,
  namePool,
  poolSizesOf,
} from "../webgpu/pool/pool_cases.ts";
import {
  checkAveragePool,
  checkAveragePoolGradient,
  checkMaxPool,
  checkMaxPoolGradient,
  checkMaxPoolRow,
  MAX_POOL_ROWS,
  type MaxPoolGradient,
  type Pool,
} from "../webgpu/pool/pool_checks.ts";
import { assertEquals } from "@std/assert";
import { runNative } from "./run.ts";

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
  "nativePool() max of -Infinity in a window that is partly padding, and its gradient to the first",
  async () => {
    const sizes = await poolSizesOf({
      input: [1, 3, 3, 1],
      window: [3, 3],
      strides: [2, 2],
      pad: "same",
    });
    const values = Float32Array.of(
      ...[-Infinity, -Infinity, NaN],
      ...[-Infinity, -Infinity, -Infinity],
      ...[7, -Infinity, -Infinity],
    );
    const x = { values, shape: [1, 3, 3, 1] };
    const dy = { values: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 2, 1] };
    assertEquals(
      await max(x, sizes),
      Float32Array.of(-Infinity, -Infinity, 7, -Infinity),
    );
    assertEquals(
      await maxGradient({ dy, x }, sizes),
      Float32Array.of(1, 2, 0, 0, 4, 0, 3, 0, 0),
    );
  },
);
