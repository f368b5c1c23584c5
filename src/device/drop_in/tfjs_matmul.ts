/**
 * TensorFlow.js's matrix products, by ours.
 *
 * @module
 */

import {
  type AnyBackend,
  areFloats,
  canFinish,
  type Kernel,
  type KernelCall,
} from "./kernel.ts";
import type { FusedActivation } from "../device.ts";
import { tf } from "../tf.ts";
import type { MatmulSizes } from "../webgpu/gemm/product.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** Multiplies float32 matrices: `output[i] = activation(a[i] * b[i] + bias)`. */
export type MatmulOperation<Backend> = (
  backend: Backend,
  tensors: {
    a: TensorInfo;
    b: TensorInfo;
    bias?: TensorInfo;
    activation?: FusedActivation;
    outputShape: readonly number[];
  },
  sizes: MatmulSizes,
) => TensorInfo;

/** The kernels by name. */
export function matmulKernels<Backend extends AnyBackend>(
  matmul: MatmulOperation<Backend>,
): Record<string, Kernel<Backend>> {
  return {
    BatchMatMul: ({ backend, inputs: { a, b }, attrs }) => {
      const sizes = sizesOf(backend, a, b, attrs);
      if (sizes === undefined) return;
      const outputShape = outputShapeOf(a, b, sizes);
      return matmul(backend, { a, b, outputShape }, sizes);
    },
    _FusedMatMul: ({ backend, inputs, attrs }) => {
      const { a, b, bias } = inputs;
      const sizes = sizesOf(backend, a, b, attrs);
      if (
        sizes === undefined ||
        !canFinish(backend, inputs, attrs.activation, sizes.columns)
      ) return;
      const outputShape = outputShapeOf(a, b, sizes);
      const activation = attrs.activation === "relu" ? "relu" : undefined;
      return matmul(backend, { a, b, bias, activation, outputShape }, sizes);
    },
  };
}

/** Sizes of a product, if it is one that our kernels cover: not empty, and batches alike or of one. */
function sizesOf(
  backend: AnyBackend,
  a: TensorInfo,
  b: TensorInfo,
  attrs: KernelCall["attrs"],
): MatmulSizes | undefined {
  const transposeA = Boolean(attrs.transposeA);
  const transposeB = Boolean(attrs.transposeB);
  const [a0, a1] = a.shape.slice(-2);
  const [b0, b1] = b.shape.slice(-2);
  const [rows, depth] = transposeA ? [a1, a0] : [a0, a1];
  const [depthB, columns] = transposeB ? [b1, b0] : [b0, b1];
  const [batchA, batchB] = [a, b].map(({ shape }) =>
    tf.util.sizeFromShape(shape.slice(0, -2))
  );
  const isAlike = batchA === 1 || batchB === 1 ||
    `${a.shape.slice(0, -2)}` === `${b.shape.slice(0, -2)}`;
  if (!areFloats(backend, a, b) || depth !== depthB || !isAlike) return;
  const batch = Math.max(batchA, batchB);
  return {
    batch,
    batchA,
    batchB,
    rows,
    columns,
    depth,
    transposeA,
    transposeB,
  };
}

function outputShapeOf(
  a: TensorInfo,
  b: TensorInfo,
  { rows, columns }: MatmulSizes,
): number[] {
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  return [...batchShape, rows, columns];
}
