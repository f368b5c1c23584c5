/**
 * Operations of single elements by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { addScaled, makePrimitive } from "./library/primitive.ts";
import type {
  BinaryFunction,
  ElementwiseFunction,
  Layout,
  NativeActivation,
} from "./library/operation.ts";
import { nativeMatmul } from "./matmul.ts";
import {
  cpuBackend,
  type Floats,
  floatsOf,
  makeFloats,
  nativeLibrary,
  primitiveOf,
  rowMajor,
} from "./tensors.ts";

/** The layout of so many elements, whatever their shape. */
function asFlat(size: number): Layout {
  return { dims: [size], strides: [1] };
}

/** Applies a function to each element. The activations take NaN for a number below 0: see `activateInPlace`. */
export function nativeUnary(
  x: TensorInfo,
  of: ElementwiseFunction,
  { alpha = 0, beta = 0 }: { alpha?: number; beta?: number } = {},
): TensorInfo {
  const y = makeFloats(x.shape);
  apply({ of, alpha, beta }, floatsOf(x), y.values);
  return y.info;
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
  combine(of, floatsOf(a), floatsOf(b), y.values);
  return y.info;
}

/** Applies a function to each pair of elements. */
export function combine(
  of: BinaryFunction,
  a: Floats,
  b: Floats,
  y: Floats,
): void {
  const rows = a.length / b.length;
  const layout = rowMajor(
    b.length === 1 ? [a.length, 1] : [rows, b.length],
  );
  const second = rowMajor([1, b.length]);
  const key = `binary,${of},${a.length},${b.length}`;
  primitiveOf(key, (library) =>
    makePrimitive(
      library,
      { kind: "binary", of, a: layout, b: second, y: layout },
      { x: layout, x2: second, y: layout },
    )).run({ x: a, x2: b, y });
}

/** Computes square roots; both arrays may be the same. */
export function rootsOf(x: Floats, y: Floats): void {
  apply({ of: "sqrt", alpha: 0, beta: 0 }, x, y);
}

/** Applies an activation, in place. */
export function applyInPlace(x: Floats, of: "relu" | "sigmoid"): void {
  apply({ of, alpha: 0, beta: 0 }, x, x);
}

function apply(
  f: { of: ElementwiseFunction; alpha: number; beta: number },
  x: Floats,
  y: Floats,
): void {
  const flat = asFlat(y.length);
  const key = `unary,${f.of},${f.alpha},${f.beta},${y.length}`;
  primitiveOf(key, (library) =>
    makePrimitive(
      library,
      { kind: "elementwise", ...f, x: flat },
      { x: flat, y: flat },
    )).run({ x, y });
}

/** Computes `y = alpha * x + beta * y`, where it is. */
export function accumulate(
  y: Floats,
  x: Floats,
  { alpha, beta = 1 }: { alpha: number; beta?: number },
): void {
  addScaled(nativeLibrary(), { alpha, x, beta, y });
}

/**
 * Applies an activation to a new tensor, where it is.
 *
 * oneDNN's activations and its max pooling take NaN for the smallest number there is: a network that has gone astray would
 * seem to be well. So NaN is looked for before, and goes through.
 */
export function activateInPlace(
  x: TensorInfo,
  of: NativeActivation | undefined,
): boolean {
  const values = floatsOf(x);
  const isAstray = hasNaN(x);
  if (of !== undefined && isAstray) {
    values.forEach((value, i) => values[i] = PLAIN[of](value));
  } else if (of !== undefined) applyInPlace(values, of);
  return isAstray;
}

/** Activations that NaN goes through, for where there is one. */
const PLAIN: Readonly<Record<NativeActivation, (x: number) => number>> = {
  relu: (x) => x < 0 ? 0 : x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Applies an activation to a new tensor, where it is, as {@linkcode activateInPlace} does. */
export function activated(
  x: TensorInfo,
  of: NativeActivation | undefined,
): TensorInfo {
  if (of !== undefined) activateInPlace(x, of);
  return x;
}

/** Gradient of an activation by its input, from its output. */
export function nativeActivationGradient(
  { dy, y }: { dy: TensorInfo; y: TensorInfo },
  of: NativeActivation,
): TensorInfo {
  const dx = makeFloats(y.shape);
  const flat = rowMajor([dx.values.length]);
  primitiveOf(
    `activation gradient,${of},${dx.values.length}`,
    (library) =>
      makePrimitive(
        library,
        { kind: "activation", gradient: true, of, x: flat },
        { y: flat, dy: flat, dx: flat },
      ),
  ).run({ y: floatsOf(y), dy: floatsOf(dy), dx: dx.values });
  return dx.info;
}

/** Adds up the rows of a matrix. */
export function columnSums(
  x: TensorInfo,
  { rows, columns }: { rows: number; columns: number },
): TensorInfo {
  return withOnes(rows, (a) =>
    nativeMatmul(
      { a, b: x, outputShape: [columns] },
      { rows: 1, columns, depth: rows },
    ));
}

/** Looks for NaN. */
export function hasNaN(x: TensorInfo): boolean {
  const sums = partialSums(x);
  const isFound = floatsOf(sums).some(Number.isNaN);
  cpuBackend().disposeData(sums.dataId);
  return isFound;
}

/** Adds up the squares of all elements. */
export function squareSum(x: TensorInfo): number {
  const squares = nativeBinary(x, x, "multiply");
  const sums = partialSums(squares);
  const total = floatsOf(sums).reduce((sum, part) => sum + part, 0);
  for (const { dataId } of [squares, sums]) cpuBackend().disposeData(dataId);
  return total;
}

/** Sums over the last half of the dimensions. */
function partialSums(x: TensorInfo): TensorInfo {
  const half = Math.ceil(x.shape.length / 2);
  const [rows, depth] = [x.shape.slice(0, half), x.shape.slice(half)].map(
    (shape) => shape.reduce((product, n) => product * n, 1),
  );
  return withOnes(
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
function withOnes(
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
