/**
 * Products of matrices and of batches of them.
 *
 * @module
 */

import type { FusedActivation } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { runProduct } from "./product.ts";
import type { StoredType } from "../run/recorder.ts";
import { matrix } from "./view.ts";

/** Sizes of a product of matrices. */
export interface MatmulSizes {
  /** Number of products; an operand with one matrix is shared by all. */
  readonly batch: number;
  /** Matrices of `a`: `batch` or 1. */
  readonly batchA: number;
  /** Matrices of `b`: `batch` or 1. */
  readonly batchB: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether the matrices of `a` are stored `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether the matrices of `b` are stored `[columns, depth]`. */
  readonly transposeB: boolean;
}

/**
 * Multiplies: `output[i] = activation(a[i] * b[i] + bias)`.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `a` and `b`, float32 or float16, and, of size `columns`, float32 `bias`; what follows the sum; and what
 * the output stores (default float32) and its shape.
 * @param sizes Sizes of the product.
 * @returns The output.
 */
export function matmul(
  backend: WebGPUBackend,
  tensors: {
    a: TensorInfo;
    b: TensorInfo;
    bias?: TensorInfo;
    activation?: FusedActivation;
    stored?: StoredType;
    outputShape: readonly number[];
  },
  sizes: MatmulSizes,
): TensorInfo {
  const { batch, batchA, batchB, rows, columns, depth } = sizes;
  const { transposeA, transposeB } = sizes;
  const { a, b, bias, activation, outputShape, stored } = tensors;
  return runProduct(backend, {
    key: `matmul,${batch},${batchA},${batchB},${rows},${columns},${depth},` +
      `${transposeA},${transposeB}`,
    rows,
    columns,
    depth,
    batch,
    views: () => ({
      left: matrix({
        outer: rows,
        depth,
        along: transposeA ? "outer" : "depth",
        batchStride: batchA === 1 ? 0 : rows * depth,
      }),
      right: matrix({
        outer: columns,
        depth,
        along: transposeB ? "depth" : "outer",
        batchStride: batchB === 1 ? 0 : columns * depth,
      }),
    }),
    activation,
  }, { left: a, right: b, bias, outputShape, stored });
}
