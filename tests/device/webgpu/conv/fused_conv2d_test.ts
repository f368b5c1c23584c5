/**
 * Tests of convolution with bias, activation and pooling on WebGPU, and of its gradients on the tape, against the
 * references one after another.
 */

import { webgpuTest } from "../../../device.ts";
import { formTest } from "../forms.ts";
import {
  FUSED_CASES,
  nameFusedConv,
  setUpFusedConv,
} from "./fused_conv_cases.ts";
import { checkFusedConv, countFusedConv } from "./fused_conv_checks.ts";
import { runKernelOfSeveral, webgpuBackend } from "../run.ts";

FUSED_CASES.forEach(([testCase, epilogue]) => {
  const what = nameFusedConv(testCase, epilogue);
  formTest(
    `fusedConv2d() ${what} and its gradients are the references'`,
    async () =>
      checkFusedConv(
        await setUpFusedConv(testCase, epilogue),
        runKernelOfSeveral,
      ),
  );
  webgpuTest(
    `fusedConv2d() ${what} leaves no tensors behind, nor a gradient of x unless wanted`,
    async () => {
      await webgpuBackend();
      countFusedConv(await setUpFusedConv(testCase, epilogue));
    },
  );
});
