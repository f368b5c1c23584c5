/** Tests of products of matrices by native kernels against the reference. */

import { activated } from "../../../src/device/onednn/elementwise.ts";
import { nativeMatmul } from "../../../src/device/onednn/matmul.ts";
import { nativeTest } from "../../native.ts";
import {
  checkMatmul,
  type Matmul,
  type MatmulCase,
  nameMatmul,
  PRODUCTS,
} from "../webgpu/gemm/matmul_cases.ts";
import { runNative } from "./run.ts";

const compute: Matmul = ({ a, b, bias }, { sizes, activation }) =>
  runNative({
    inputs: bias ? [a, b, bias] : [a, b],
    kernel: (_, [a, b, bias]) => {
      const outputShape = [sizes.batch, sizes.rows, sizes.columns];
      return activated(
        nativeMatmul({ a, b, bias, outputShape }, sizes),
        activation,
      );
    },
  });

/** Those of WebGPU, with any activation. */
const CASES: readonly MatmulCase[] = [
  ...PRODUCTS,
  { size: [37, 29, 50], hasBias: true, activation: "sigmoid" },
];
for (const product of CASES) {
  nativeTest(
    `nativeMatmul() ${nameMatmul(product)} is the reference's`,
    () => checkMatmul(product, compute),
  );
}
