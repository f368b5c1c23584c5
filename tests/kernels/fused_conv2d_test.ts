/**
 * Tests of convolution with bias, activation and pooling on WebGPU, and of its gradients on the tape, against the
 * references one after another.
 *
 * @module
 */

import { webgpuTest } from "../device.ts";
import { formTest } from "./forms.ts";
import { type FusedConvCase, setUpFusedConv } from "./fused_conv_cases.ts";
import { checkFusedConv, countFusedConv } from "./fused_conv_checks.ts";

const CASES: readonly FusedConvCase[] = [
  {
    input: [2, 9, 11, 3],
    filter: [3, 3, 8],
    conv: { strides: [1, 1], pad: "same" },
    pool: { filterSize: 3, strides: 2, pad: "valid" },
  },
  // Pooling leaves out the last row.
  {
    input: [1, 25, 19, 1],
    filter: [5, 4, 5],
    conv: { strides: [2, 2], pad: "valid" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
  },
  // Both reach over the border.
  {
    input: [2, 31, 23, 5],
    filter: [7, 5, 3],
    conv: { strides: [4, 4], pad: "same" },
    pool: { filterSize: 3, strides: 2, pad: "same" },
  },
  {
    input: [3, 7, 13, 8],
    filter: [3, 2, 1],
    conv: { strides: [1, 2], pad: "valid" },
    pool: { filterSize: 2, strides: 2, pad: "valid" },
  },
];

for (const testCase of CASES) {
  for (const activation of [undefined, "relu", "sigmoid"] as const) {
    for (const kind of [undefined, "max", "average"] as const) {
      const { input, filter, conv, pool } = testCase;
      const after = { activation, kind };
      const pooling = kind ? `${kind} pool ${Object.values(pool)}` : "no pool";
      const what =
        `${filter}/${conv.strides} ${conv.pad} of ${input}, ${activation}, ${pooling}`;
      formTest(
        `fusedConv2d() ${what} and its gradients are the references'`,
        async () => checkFusedConv(await setUpFusedConv(testCase, after)),
      );
      webgpuTest(
        `fusedConv2d() ${what} leaves no tensors behind, nor a gradient of x unless wanted`,
        async () => countFusedConv(await setUpFusedConv(testCase, after)),
      );
    }
  }
}
