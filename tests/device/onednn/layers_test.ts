/**
 * Tests of convolution with bias, activation and pooling by native kernels, and of its gradients on the tape, against the
 * references one after another.
 */

import { assertEquals } from "@std/assert";
import { nativeBackend, nativeTest } from "../../native.ts";
import {
  FUSED_CASES,
  nameFusedConv,
  setUpFusedConv,
} from "../webgpu/conv/fused_conv_cases.ts";
import {
  checkFusedConv,
  countFusedConv,
} from "../webgpu/conv/fused_conv_checks.ts";
import { runNativeOfSeveral } from "./run.ts";

for (const [testCase, epilogue] of FUSED_CASES) {
  const what = nameFusedConv(testCase, epilogue);
  nativeTest(
    `conv() ${what} and its gradients are the references'`,
    async () =>
      checkFusedConv(
        await setUpFusedConv(testCase, epilogue),
        runNativeOfSeveral,
      ),
  );
  nativeTest(
    `conv() ${what} leaves neither tensors nor memory behind, nor a gradient of x unless wanted`,
    async () => {
      const { arrays } = await nativeBackend();
      const { lentBytes } = arrays;
      countFusedConv(await setUpFusedConv(testCase, epilogue));
      assertEquals(arrays.lentBytes, lentBytes);
    },
  );
}
