/** Operations of single elements, and sums, by native kernels. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedActivation } from "../device.ts";
import type { BinaryFunction, UnaryFunction } from "./library/describe.ts";
import { makePrimitive } from "./library/primitive.ts";
import { nativeMatmul } from "./matmul.ts";
import {
  type Floats,
  floatsOf,
  free,
  makeFloats,
  primitiveOf,
  rowMajor,
} from "./tensors.ts";

/** Applies a function to each element; "linear" multiplies by `alpha`. Activations take NaN for a number below 0. */
export function nativeUnary(
  x: TensorInfo,
  of: UnaryFunction,
  alpha = 0,
): TensorInfo {
  const y = makeFloats(x.shape);
  apply(of, { x: floatsOf(x), y: y.values }, alpha);
  return y.info;
}

/** Applies a function to each element; both arrays may be the same. */
export function apply(
  of: UnaryFunction,
  { x, y }: { x: Floats; y: Floats },
  alpha = 0,
): void {
  const flat = rowMajor([y.length]);
  primitiveOf(`unary,${of},${alpha},${y.length}`, (library) =>
    makePrimitive(
      library,
      { kind: "elementwise", of, alpha, x: flat },
      { x: flat, y: flat },
    )).run({ x, y });
}

/** Whether {@linkcode nativeBinary} takes two tensors. */
export function fitsBinary(a: TensorInfo, b: TensorInfo): boolean {
  const shape = b.shape.slice(b.shape.findIndex((n) => n !== 1));
  const ones = b.shape.every((n) => n === 1);
  return b.shape.length <= a.shape.length &&
    (ones || `${a.shape.slice(-shape.length)}` === `${shape}`);
}

/** Applies a function to each pair of elements. */
export function nativeBinary(
  a: TensorInfo,
  b: TensorInfo,
  of: BinaryFunction,
): TensorInfo {
  const y = makeFloats(a.shape);
  combine(of, { a: floatsOf(a), b: floatsOf(b), y: y.values });
  return y.info;
}

/** Applies a function to each pair of elements of `a` and of `b`, which is repeated where it is shorter; any may be `y`. */
export function combine(
  of: BinaryFunction,
  { a, b, y }: { a: Floats; b: Floats; y: Floats },
): void {
  const rows = a.length / b.length;
  const layout = rowMajor(b.length === 1 ? [a.length, 1] : [rows, b.length]);
  const second = rowMajor([1, b.length]);
  primitiveOf(
    `binary,${of},${a.length},${b.length}`,
    (library) =>
      makePrimitive(
        library,
        { kind: "binary", of, a: layout, b: second, y: layout },
        { x: layout, x2: second, y: layout },
      ),
  ).run({ x: a, x2: b, y });
}

/**
 * Applies an activation to a new tensor, where it is, and says whether NaN is in it.
 *
 * oneDNN's activations and its max pooling take NaN for the smallest number there is: a network that has gone astray would
 * seem to be well. So NaN is looked for before, and goes through.
 */
export function activateInPlace(
  x: TensorInfo,
  of: FusedActivation | undefined,
): boolean {
  const values = floatsOf(x);
  const isAstray = hasNaN(x);
  if (of !== undefined && isAstray) {
    values.forEach((value, i) => values[i] = PLAIN[of](value));
  } else if (of !== undefined) apply(of, { x: values, y: values });
  return isAstray;
}

/** Activations that NaN goes through, for where there is one. */
const PLAIN: Readonly<Record<FusedActivation, (x: number) => number>> = {
  relu: (x) => x < 0 ? 0 : x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Applies an activation to a new tensor, where it is, as {@linkcode activateInPlace} does. */
export function activated(
  x: TensorInfo,
  of: FusedActivation | undefined,
): TensorInfo {
  if (of !== undefined) activateInPlace(x, of);
  return x;
}

/** Gradient of an activation by its input, from its output. */
export function nativeActivationGradient(
  { dy, y }: { dy: TensorInfo; y: TensorInfo },
  of: FusedActivation,
): TensorInfo {
  const dx = makeFloats(y.shape);
  const { length } = dx.values;
  const flat = rowMajor([length]);
  primitiveOf(`activation gradient,${of},${length}`, (library) =>
    makePrimitive(
      library,
      { kind: "elementwise", gradient: true, of: `${of} by output`, x: flat },
      { y: flat, dy: flat, dx: flat },
    )).run({ y: floatsOf(y), dy: floatsOf(dy), dx: dx.values });
  return dx.info;
}

/** Adds up the rows of a matrix. */
export function sumOfRows(
  x: TensorInfo,
  { rows, columns }: { rows: number; columns: number },
): TensorInfo {
  const sizes = { rows: 1, columns, depth: rows };
  return withOnes(
    rows,
    (a) => nativeMatmul({ a, b: x, outputShape: [columns] }, sizes),
  );
}

export function hasNaN(x: TensorInfo): boolean {
  const sums = partialSums(x);
  const isFound = floatsOf(sums).some(Number.isNaN);
  free(sums);
  return isFound;
}

/** Adds up the squares of all elements. */
export function squareSum(x: TensorInfo): number {
  const squares = nativeBinary(x, x, "multiply");
  try {
    const sums = partialSums(squares);
    const total = floatsOf(sums).reduce((sum, part) => sum + part, 0);
    free(sums);
    return total;
  } finally {
    free(squares);
  }
}

/** Sums over the last half of the dimensions. */
function partialSums(x: TensorInfo): TensorInfo {
  const half = Math.ceil(x.shape.length / 2);
  const [rows, depth] = [x.shape.slice(0, half), x.shape.slice(half)].map(
    (shape) => shape.reduce((product, n) => product * n, 1),
  );
  const sizes = { rows, columns: 1, depth };
  return withOnes(
    depth,
    (b) => nativeMatmul({ a: x, b, outputShape: [rows] }, sizes),
  );
}

/** Lends a vector of ones. */
function withOnes(
  length: number,
  multiply: (ones: TensorInfo) => TensorInfo,
): TensorInfo {
  const ones = makeFloats([length]);
  ones.values.fill(1);
  try {
    return multiply(ones.info);
  } finally {
    free(ones.info);
  }
}
