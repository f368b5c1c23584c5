/**
 * Operations of single elements by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type {
  BinaryFunction,
  ElementwiseFunction,
  Layout,
} from "./library/operation.ts";
import { addScaled } from "./library/add_scaled.ts";
import { makePrimitive } from "./library/primitive.ts";
import {
  floatsOf,
  makeFloats,
  nativeLibrary,
  primitiveOf,
  rowMajor,
} from "./tensors.ts";

type _Floats = Float32Array<ArrayBuffer>;

/** The layout of so many elements, whatever their shape. */
function _flat(size: number): Layout {
  return { dims: [size], strides: [1] };
}

/**
 * Applies a function to each element. The activations take NaN for a number below 0: see `activateInPlace`.
 *
 * @param x float32.
 * @param of The function; "linear" is `alpha * x + beta`.
 * @returns float32 of the same shape.
 */
export function nativeUnary(
  x: TensorInfo,
  of: ElementwiseFunction,
  { alpha = 0, beta = 0 }: { alpha?: number; beta?: number } = {},
): TensorInfo {
  const y = makeFloats(x.shape);
  _apply({ of, alpha, beta }, floatsOf(x), y.values);
  return y.info;
}

/**
 * Whether {@linkcode nativeBinary} takes two tensors.
 *
 * @param a A tensor.
 * @param b Another.
 * @returns Whether `b` has the shape of `a`, or of its last dimensions.
 */
export function fitsBinary(a: TensorInfo, b: TensorInfo): boolean {
  const shape = b.shape.slice(b.shape.findIndex((n) => n !== 1));
  const ones = b.shape.every((n) => n === 1);
  return b.shape.length <= a.shape.length &&
    (ones || `${a.shape.slice(-shape.length)}` === `${shape}`);
}

/**
 * Applies a function to each pair of elements.
 *
 * @param a float32.
 * @param b float32 of the same shape, or of the last dimensions of it, for all of the others.
 * @param of The function.
 * @returns float32 of the shape of `a`.
 */
export function nativeBinary(
  a: TensorInfo,
  b: TensorInfo,
  of: BinaryFunction,
): TensorInfo {
  const y = makeFloats(a.shape);
  combine(of, floatsOf(a), floatsOf(b), y.values);
  return y.info;
}

/**
 * Applies a function to each pair of elements.
 *
 * @param of The function.
 * @param a Elements.
 * @param b As many, or fewer, which are used again and again.
 * @param y Where to write: `a` itself, or other memory.
 */
export function combine(
  of: BinaryFunction,
  a: _Floats,
  b: _Floats,
  y: _Floats,
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

/**
 * Square roots, in place.
 *
 * @param x Elements, not negative.
 */
export function rootInPlace(x: _Floats): void {
  _apply({ of: "sqrt", alpha: 0, beta: 0 }, x, x);
}

/**
 * Applies an activation, in place.
 *
 * @param x Elements, of which none is NaN.
 * @param of The activation.
 */
export function applyInPlace(x: _Floats, of: "relu" | "sigmoid"): void {
  _apply({ of, alpha: 0, beta: 0 }, x, x);
}

/**
 * Adds a number to each element, in place.
 *
 * @param x Elements.
 * @param beta The number, of which there should not be many: each is made ready anew.
 */
export function increaseInPlace(x: _Floats, beta: number): void {
  _apply({ of: "linear", alpha: 1, beta }, x, x);
}

function _apply(
  f: { of: ElementwiseFunction; alpha: number; beta: number },
  x: _Floats,
  y: _Floats,
): void {
  const flat = _flat(y.length);
  const key = `unary,${f.of},${f.alpha},${f.beta},${y.length}`;
  primitiveOf(key, (library) =>
    makePrimitive(
      library,
      { kind: "elementwise", ...f, x: flat },
      { x: flat, y: flat },
    )).run({ x, y });
}

/**
 * Computes `y = alpha * x + beta * y`, where it is.
 *
 * @param y Elements.
 * @param x As many.
 * @param factors `alpha` and `beta`, any numbers: unlike other operations, this is not made anew for each.
 */
export function accumulate(
  y: _Floats,
  x: _Floats,
  { alpha, beta = 1 }: { alpha: number; beta?: number },
): void {
  addScaled(nativeLibrary(), { alpha, x, beta, y });
}
