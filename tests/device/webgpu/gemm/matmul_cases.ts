/** Products of matrices to test, and a check of them, as any device computes them, against the reference. */

import type { FusedActivation } from "../../../../src/device/device.ts";
import type { MatmulSizes } from "../../../../src/device/webgpu/gemm/product.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { referenceMatmul } from "../reference.ts";
import { type Input, sumTolerance } from "../run.ts";
import { assertEquals } from "@std/assert";

/** A product. */
export interface MatmulCase {
  /** `[rows, columns, depth]`. */
  readonly size: readonly [number, number, number];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Matrices of `a` and of `b`. Default one each. */
  readonly batches?: readonly [number, number];
  readonly hasBias?: boolean;
  readonly activation?: FusedActivation;
}

const SCALARS = [37, 29, 50] as const;
const VECTORS = [20, 12, 8] as const;
const BOTH = { hasBias: true, activation: "relu" } as const;
/** All ways to transpose, batches and single matrices, and what may follow the sums. */
export const PRODUCTS: readonly MatmulCase[] = [
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

/** A product as a device computes it, `[batch, rows, columns]`. */
export type Matmul = (
  tensors: { a: Input; b: Input; bias?: Input },
  options: { sizes: MatmulSizes; activation?: FusedActivation },
) => Promise<Float32Array>;

/** Names a product. */
export function nameMatmul(product: MatmulCase): string {
  return [
    product.size.join("x"),
    product.batches ? `of ${product.batches} matrices` : "",
    product.transposeA ? "a^T" : "",
    product.transposeB ? "b^T" : "",
    product.hasBias ? "bias" : "",
    product.activation,
  ].filter(Boolean).join(" ");
}

/** Checks a product of random numbers. */
export async function checkMatmul(
  product: MatmulCase,
  compute: Matmul,
): Promise<void> {
  const { hasBias, activation } = product;
  const sizes = matmulSizesOf(product);
  const { rows, columns, depth } = sizes;
  const a = numbers(sizes.batchA * rows * depth, [-1, 1], 1);
  const b = numbers(sizes.batchB * columns * depth, [-1, 1], 2);
  const bias = hasBias ? numbers(columns, [-1, 1], 3) : undefined;
  const values = await compute({
    a: flat(a),
    b: flat(b),
    bias: bias && flat(bias),
  }, { sizes, activation });
  const expected = referenceMatmul({ a, b, bias, activation }, sizes);
  assertClose(values, expected, sumTolerance(a, b, depth));
}

/** Checks that a NaN goes through relu, so that a network which goes astray is seen to. */
export async function checkNanThroughRelu(compute: Matmul): Promise<void> {
  const sizes = matmulSizesOf({ size: [1, 2, 1] });
  for (const hasBias of [false, true]) {
    const values = await compute({
      a: flat(Float32Array.of(1)),
      b: flat(Float32Array.of(NaN, -1)),
      bias: hasBias ? flat(Float32Array.of(0, 0)) : undefined,
    }, { sizes, activation: "relu" });
    assertEquals([...values], [NaN, 0]);
  }
}

/** Sizes of a product. */
export function matmulSizesOf(
  { size: [rows, columns, depth], batches: [batchA, batchB] = [1, 1], ...rest }:
    MatmulCase,
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

function flat(values: Float32Array): Input {
  return { values, shape: [values.length] };
}
