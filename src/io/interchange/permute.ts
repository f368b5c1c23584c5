/**
 * Changes the order of a tensor's dimensions.
 *
 * @module
 */

import type { NamedTensor } from "../safetensors.ts";

/** Most dimensions of a tensor. */
const RANK = 4;

/**
 * Copies a tensor so that its dimensions are in another order.
 *
 * @param tensor The tensor, of at most four dimensions.
 * @param order For each dimension of the result, which one of the tensor it is.
 * @returns The copy.
 */
export function permute(
  tensor: NamedTensor,
  order: readonly number[],
): NamedTensor {
  const { shape, values } = tensor;
  const strides = shape.map((_, d) =>
    shape.slice(d + 1).reduce((product, n) => product * n, 1)
  );
  const missing = Array(RANK - shape.length);
  const [n0, n1, n2, n3] = [...missing.fill(1), ...order.map((d) => shape[d])];
  const [s0, s1, s2, s3] = [
    ...missing.fill(0),
    ...order.map((d) => strides[d]),
  ];
  const result = new Float32Array(values.length);
  let i = 0;
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      for (let c = 0; c < n2; c++) {
        const start = a * s0 + b * s1 + c * s2;
        for (let d = 0; d < n3; d++) result[i++] = values[start + d * s3];
      }
    }
  }
  return { shape: order.map((d) => shape[d]), values: result };
}
