/** Products of matrices and of batches of them, by native kernels. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Layout } from "./library/describe.ts";
import { makePrimitive } from "./library/primitive.ts";
import { floatsOf, makeFloats, primitiveOf } from "./tensors.ts";

/** Sizes of a product, and of how many matrices there are on either side: 1 by default. */
interface ProductSizes {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly batch?: number;
  readonly batchA?: number;
  readonly batchB?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** Multiplies: `output[i] = a[i] * b[i] + bias`. */
export function nativeMatmul(
  { a, b, bias, outputShape }: {
    a: TensorInfo;
    b: TensorInfo;
    bias?: TensorInfo;
    outputShape: readonly number[];
  },
  sizes: ProductSizes,
): TensorInfo {
  const { rows, columns, depth, batch = 1, batchA = 1, batchB = 1 } = sizes;
  const { transposeA = false, transposeB = false } = sizes;
  const hasBias = bias !== undefined;
  const shape = [batch, batchA, batchB, rows, columns, depth];
  const key = `matmul,${shape},${transposeA},${transposeB},${hasBias}`;
  const primitive = primitiveOf(key, (library) => {
    // A single product needs no third dimension, with which fewer of the library's ways work.
    const rank = batch === 1 ? 2 : 3;
    const x = matrices(rank, [batchA, rows, depth], transposeA);
    const kernel = matrices(rank, [batchB, depth, columns], transposeB);
    const y = matrices(rank, [batch, rows, columns]);
    const row = hasBias ? { bias: matrices(rank, [1, 1, columns]) } : {};
    return makePrimitive(
      library,
      { kind: "product", a: x, b: kernel, ...row, y },
      { x, kernel, ...row, y },
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
