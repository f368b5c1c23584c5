/** Tests of products of matrices on WebGPU against the reference. */

import { matmul } from "../../../../src/device/webgpu/gemm/product.ts";
import { chooseTilings } from "../../../../src/device/webgpu/gemm/tile.ts";
import { traitsOf } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { formTest } from "../forms.ts";
import {
  checkMatmul,
  checkNanThroughRelu,
  type Matmul,
  matmulSizesOf,
  nameMatmul,
  PRODUCTS,
} from "./matmul_cases.ts";
import { runKernel, webgpuBackend } from "../run.ts";

const compute: Matmul = async ({ a, b, bias }, { sizes, activation }) => {
  const [{ splits }] = chooseTilings(sizes, traitsOf(await webgpuBackend()));
  const outputShape = [sizes.batch, sizes.rows, sizes.columns];
  const outputSize = outputShape.reduce((product, n) => product * n);
  return await runKernel({
    inputs: bias ? [a, b, bias] : [a, b],
    makes: splits === 1 ? [outputSize] : [outputSize, splits * outputSize],
    kernel: (backend, [a, b, bias]) =>
      matmul(backend, { a, b, bias, activation, outputShape }, sizes),
  });
};

PRODUCTS.forEach((product) => {
  formTest(
    `matmul() ${nameMatmul(product)} is the reference's`,
    () => checkMatmul(product, compute),
  );
});

webgpuTest(
  "matmul() takes more matrices than workgroups fit in a row",
  async () => {
    const batch = 65_537;
    const a = numbers(batch, [-1, 1]);
    const sizes = matmulSizesOf({ size: [1, 1, 1], batches: [batch, 1] });
    const values = await runKernel({
      inputs: [
        { values: a, shape: [batch, 1, 1] },
        { values: Float32Array.of(2), shape: [1, 1] },
      ],
      makes: [batch],
      kernel: (backend, [a, b]) =>
        matmul(backend, { a, b, outputShape: [batch, 1, 1] }, sizes),
    });
    assertClose(values, a.map((value) => 2 * value), {});
  },
);

webgpuTest(
  "matmul() passes a NaN through relu",
  () => checkNanThroughRelu(compute),
);
