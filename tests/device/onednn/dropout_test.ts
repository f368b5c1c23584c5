/** Tests of dropout on the CPU with native kernels, alone and after a product, against random numbers of the host. */

import { nativeTest } from "../../native.ts";
import {
  checkDense,
  checkDropout,
  DENSE,
  DROPOUTS,
} from "../webgpu/dense/dropout_cases.ts";
import { runNativeOfSeveral } from "./run.ts";

for (const dropout of DROPOUTS) {
  nativeTest(
    `dropout() of ${dropout.rate} on ${dropout.shape} is WebGPU's, and so is its gradient`,
    () => checkDropout(dropout, runNativeOfSeveral),
  );
}

for (const testCase of DENSE) {
  const { rows, inputs, columns, rate } = testCase;
  nativeTest(
    `dense() ${rows}x${columns}x${inputs} with relu and dropout of ${rate} is relu, then dropout, and so are its gradients`,
    () => checkDense(testCase, runNativeOfSeveral),
  );
}
