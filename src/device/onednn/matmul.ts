/**
 * Products of matrices and of batches of them, by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Layout } from "./library/operation.ts";
import { makePrimitive } from "./library/primitive.ts";
import type { MatmulSizes } from "../webgpu/gemm/product.ts";
import { floatsOf, makeFloats, primitiveOf } from "./tensors.ts";

/** Sizes of a product of two matrices. */
export type SingleSizes =
  & Pick<MatmulSizes, "rows" | "columns" | "depth">
  & Partial<MatmulSizes>;

/** Multiplies: `output[i] = a[i] * b[i] + bias`. */
export function nativeMatmul(
  tensors: {
    a: TensorInfo;
    b: TensorInfo;
    bias?: TensorInfo;
    outputShape: readonly number[];
  },
  sizes: SingleSizes,
): TensorInfo {
  const { rows, columns, depth, batch = 1, batchA = 1, batchB = 1 } = sizes;
  const { transposeA = false, transposeB = false } = sizes;
  const { a, b, bias, outputShape } = tensors;
  const hasBias = bias !== undefined;
  const shape = [batch, batchA, batchB, rows, columns, depth];
  const key = `matmul,${shape},${transposeA},${transposeB},${hasBias}`;
  const primitive = primitiveOf(key, (library) => {
    // A single product needs no third dimension, with which fewer of the library's ways work.
    const rank = batch === 1 ? 2 : 3;
    const x = matrices(rank, [batchA, rows, depth], transposeA);
    const x2 = matrices(rank, [batchB, depth, columns], transposeB);
    const y = matrices(rank, [batch, rows, columns]);
    const biasRow = hasBias ? matrices(rank, [1, 1, columns]) : undefined;
    return makePrimitive(
      library,
      { kind: "product", a: x, b: x2, bias: biasRow, y },
      { x, kernel: x2, ...(biasRow && { bias: biasRow }), y },
    );
  });
  const y = makeFloats(outputShape);
  primitive.run({
    x: floatsOf(a),
    kernel: floatsOf(b),
    bias: bias && floatsOf(bias),
    y: y.values,
  });
  return y.info;
}

/** Matrices of so many rows and columns; transposed ones are stored by column. */
function matrices(
  rank: number,
  [batch, rows, columns]: readonly [number, number, number],
  isTransposed = false,
): Layout {
  const [rowStride, columnStride] = isTransposed ? [1, rows] : [columns, 1];
  return {
    dims: [batch, rows, columns].slice(-rank),
    strides: [rows * columns, rowStride, columnStride].slice(-rank),
  };
}
