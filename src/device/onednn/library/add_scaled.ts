/**
 * Sums of arrays whose factors change from call to call.
 *
 * @module
 */

import { requireArray } from "./arrays.ts";
import type { OneDnn } from "./library.ts";

/** One element, for {@linkcode addScaled}. */
const ONE = Float32Array.of(1);
const NOT_TRANSPOSED = "N".charCodeAt(0);

/**
 * Computes `y = alpha * x + beta * y`: as a product of one row, as this takes its factors when it is called.
 *
 * @param library The library.
 * @param terms The arrays, of one length, and the factors.
 * @throws {BackendError} If the lengths differ, or one is no such array: nothing is called then.
 */
export function addScaled(
  library: OneDnn,
  terms: {
    alpha: number;
    x: Float32Array<ArrayBuffer>;
    beta: number;
    y: Float32Array<ArrayBuffer>;
  },
): void {
  const { alpha, x, beta, y } = terms;
  const { length } = y;
  for (const [name, array] of Object.entries({ x, y })) {
    requireArray("a sum", name, array, { length, type: Float32Array });
  }
  if (length === 0) return;
  const [rows, depth, columns] = [1n, 1n, BigInt(length)];
  library.call(
    "dnnl_sgemm",
    NOT_TRANSPOSED,
    NOT_TRANSPOSED,
    rows,
    columns,
    depth,
    alpha,
    ONE,
    depth,
    x,
    columns,
    beta,
    y,
    columns,
  );
}
