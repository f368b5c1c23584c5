/**
 * Sums of the rows and columns of a matrix, as products with ones by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { cpuBackend, floatsOf, makeFloats } from "./device.ts";
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
 * Looks for NaN, by sums over half of the dimensions.
 *
 * @param x float32.
 * @returns Whether there is NaN, or numbers so large that their sum is.
 */
export function hasNaN(x: TensorInfo): boolean {
  const { length } = floatsOf(x);
  const depth = x.shape.slice(Math.ceil(x.shape.length / 2))
    .reduce((product, n) => product * n, 1);
  const rows = length / depth;
  const sums = _withOnes(
    depth,
    (b) =>
      nativeMatmul({ a: x, b, outputShape: [rows] }, {
        rows,
        columns: 1,
        depth,
      }),
  );
  const isFound = floatsOf(sums).some(Number.isNaN);
  cpuBackend().disposeData(sums.dataId);
  return isFound;
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
