/**
 * Sums of the rows and columns of a matrix, as products with ones by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { cpuBackend, floatsOf, makeFloats } from "./tensors.ts";
import { nativeBinary } from "./elementwise.ts";
import { nativeMatmul } from "./matmul.ts";

/**
 * Adds up the rows of a matrix.
 *
 * @param x float32 `[rows, columns]`.
 * @param size Its size.
 * @returns float32 `[columns]`.
 */
export function columnSums(
  x: TensorInfo,
  { rows, columns }: { rows: number; columns: number },
): TensorInfo {
  return _withOnes(rows, (a) =>
    nativeMatmul(
      { a, b: x, outputShape: [columns] },
      { rows: 1, columns, depth: rows },
    ));
}

/**
 * Looks for NaN.
 *
 * @param x float32.
 * @returns Whether there is NaN, or numbers so large that their sum is.
 */
export function hasNaN(x: TensorInfo): boolean {
  const sums = _partialSums(x);
  const isFound = floatsOf(sums).some(Number.isNaN);
  cpuBackend().disposeData(sums.dataId);
  return isFound;
}

/**
 * Adds up the squares of all elements.
 *
 * @param x float32.
 * @returns The sum, of float32 sums over the last half of the dimensions.
 */
export function squareSum(x: TensorInfo): number {
  const squares = nativeBinary(x, x, "multiply");
  const sums = _partialSums(squares);
  const total = floatsOf(sums).reduce((sum, part) => sum + part, 0);
  for (const { dataId } of [squares, sums]) cpuBackend().disposeData(dataId);
  return total;
}

/** Sums over the last half of the dimensions. */
function _partialSums(x: TensorInfo): TensorInfo {
  const half = Math.ceil(x.shape.length / 2);
  const [rows, depth] = [x.shape.slice(0, half), x.shape.slice(half)].map(
    (shape) => shape.reduce((product, n) => product * n, 1),
  );
  return _withOnes(
    depth,
    (b) =>
      nativeMatmul({ a: x, b, outputShape: [rows] }, {
        rows,
        columns: 1,
        depth,
      }),
  );
}

/** Lends a vector of ones. */
function _withOnes(
  length: number,
  multiply: (ones: TensorInfo) => TensorInfo,
): TensorInfo {
  const ones = makeFloats([length]);
  ones.values.fill(1);
  try {
    return multiply(ones.info);
  } finally {
    cpuBackend().disposeData(ones.info.dataId);
  }
}
