/**
 * Tests of products of matrices on WebGPU against the reference.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { matmul, type MatmulSizes } from "../../src/kernels/matmul.ts";
import { chooseTilings } from "../../src/kernels/tile.ts";
import { traitsOf } from "../../src/kernels/traits.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { formTest } from "./forms.ts";
import { referenceMatmul } from "./reference.ts";
import { runKernel, sumTolerance, webgpuBackend } from "./run.ts";

interface Case {
  /** `[rows, columns, depth]`. */
  readonly size: readonly [number, number, number];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Matrices of `a` and of `b`. Default one each. */
  readonly batches?: readonly [number, number];
  readonly hasBias?: boolean;
  readonly activation?: "relu";
}

const SCALARS = [37, 29, 50] as const;
const VECTORS = [20, 12, 8] as const;
const BOTH = { hasBias: true, activation: "relu" } as const;
const CASES: readonly Case[] = [
  { size: [1, 1, 1] },
  { size: SCALARS, hasBias: true },
  { size: SCALARS, transposeA: true, activation: "relu" },
  { size: SCALARS, transposeB: true, ...BOTH },
  { size: SCALARS, transposeA: true, transposeB: true },
  { size: VECTORS, batches: [3, 3] },
  { size: VECTORS, batches: [1, 3], transposeA: true, ...BOTH },
  { size: VECTORS, batches: [3, 1], transposeB: true, hasBias: true },
  { size: VECTORS, batches: [3, 3], transposeA: true, transposeB: true },
  // Matrices whose sizes are no multiple of four elements, so that not all begin at a vector.
  { size: [3, 2, 7], batches: [5, 5], ...BOTH },
  { size: [2, 3, 6], batches: [5, 5], transposeB: true },
  // Few and long sums: cut into parts, before bias and relu.
  { size: [2, 10, 4097], ...BOTH },
  { size: [5, 3, 2048], transposeA: true, batches: [2, 2], ...BOTH },
  { size: [3, 6, 1030], transposeB: true, batches: [2, 1], hasBias: true },
  { size: [7, 33, 2000], transposeA: true, activation: "relu" },
];

for (const testCase of CASES) {
  const { size, hasBias, activation } = testCase;
  const sizes = _sizesOf(testCase);
  const { rows, columns, depth, batch } = sizes;
  const what = [
    size.join("x"),
    testCase.batches ? `of ${testCase.batches} matrices` : "",
    sizes.transposeA ? "a^T" : "",
    sizes.transposeB ? "b^T" : "",
    hasBias ? "bias" : "",
    activation,
  ].filter(Boolean).join(" ");
  formTest(`matmul() ${what} is the reference's`, async () => {
    const a = numbers(sizes.batchA * rows * depth, [-1, 1], 1);
    const b = numbers(sizes.batchB * columns * depth, [-1, 1], 2);
    const bias = numbers(columns, [-1, 1], 3);
    const [{ splits }] = chooseTilings(sizes, traitsOf(await webgpuBackend()));
    const outputSize = batch * rows * columns;
    const values = await runKernel({
      inputs: [a, b, bias].map((values) => ({
        values,
        shape: [values.length],
      })),
      makes: splits === 1 ? [outputSize] : [outputSize, splits * outputSize],
      kernel: (backend, [a, b, bias]) =>
        matmul(backend, {
          a,
          b,
          bias: hasBias ? bias : undefined,
          activation,
          outputShape: [batch, rows, columns],
        }, sizes),
    });
    const expected = referenceMatmul({
      a,
      b,
      bias: hasBias ? bias : undefined,
      activation,
    }, sizes);
    assertClose(values, expected, sumTolerance(a, b, depth));
  });
}

webgpuTest(
  "matmul() takes more matrices than workgroups fit in a row",
  async () => {
    const batch = 65_537;
    const a = numbers(batch, [-1, 1]);
    const sizes = _sizesOf({ size: [1, 1, 1], batches: [batch, 1] });
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

webgpuTest("matmul() passes a NaN through relu", async () => {
  const sizes = _sizesOf({ size: [1, 2, 1] });
  for (const hasBias of [false, true]) {
    const values = await runKernel({
      inputs: [
        { values: Float32Array.of(1), shape: [1, 1] },
        { values: Float32Array.of(NaN, -1), shape: [1, 2] },
        { values: Float32Array.of(0, 0), shape: [2] },
      ],
      makes: [2],
      kernel: (backend, [a, b, bias]) =>
        matmul(backend, {
          a,
          b,
          bias: hasBias ? bias : undefined,
          activation: "relu",
          outputShape: [1, 2],
        }, sizes),
    });
    assertEquals([...values], [NaN, 0]);
  }
});

function _sizesOf(
  { size: [rows, columns, depth], batches: [batchA, batchB] = [1, 1], ...rest }:
    Case,
): MatmulSizes {
  const { transposeA = false, transposeB = false } = rest;
  return {
    batch: Math.max(batchA, batchB),
    batchA,
    batchB,
    rows,
    columns,
    depth,
    transposeA,
    transposeB,
  };
}
