/**
 * Activations by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { NativeActivation } from "./library/operation.ts";
import { makePrimitive } from "./library/primitive.ts";
import { floatsOf, makeFloats, primitiveOf, rowMajor } from "./tensors.ts";
import { applyInPlace } from "./elementwise.ts";
import { hasNaN } from "./sums.ts";

/**
 * Applies an activation to a new tensor, where it is.
 *
 * oneDNN's activations and its max pooling take NaN for the smallest number there is: a network that has gone astray would
 * seem to be well. So NaN is looked for before, and goes through.
 *
 * @param x float32, which nothing has read yet.
 * @param of The activation; without one, NaN alone is looked for.
 * @returns Whether there may be NaN.
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

/**
 * Applies an activation to a new tensor, where it is, as {@linkcode activateInPlace} does.
 *
 * @param x float32, which nothing has read yet.
 * @param of The activation, if one follows.
 * @returns The same tensor.
 */
export function activated(
  x: TensorInfo,
  of: NativeActivation | undefined,
): TensorInfo {
  if (of !== undefined) activateInPlace(x, of);
  return x;
}

/**
 * Gradient of an activation by its input, from its output.
 *
 * @param tensors float32 gradient `dy` of the output `y`, of one shape.
 * @param of The activation.
 * @returns float32 of the same shape.
 */
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
