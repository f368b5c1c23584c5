/**
 * First values of weights.
 *
 * @module
 */

import { type RandomSource, uniforms } from "../random.ts";
import { type Shape, sizeOf } from "./shape.ts";

/**
 * Gives the first values of a weight tensor.
 *
 * @param shape Shape of the weight.
 * @param source The random numbers to draw from.
 * @returns float32 values in row-major order.
 */
export type Initializer = (
  shape: Shape,
  source: RandomSource,
) => Float32Array<ArrayBuffer>;

/**
 * Uniform in ±sqrt(6 / (fanIn + fanOut)): Glorot and Bengio, "Understanding the difficulty of training deep feedforward
 * neural networks" (AISTATS 2010). The same as Keras's `glorot_uniform`, PyTorch's `xavier_uniform_` and Gluon's `Xavier()`.
 *
 * @returns The initializer.
 */
export function xavierUniform(): Initializer {
  return (shape, source) => {
    // Kernels are HWIO or `[in, out]`: an output sums over a window of inputs.
    const window = sizeOf(shape.slice(0, -2));
    const [numIn, numOut] = shape.slice(-2);
    const limit = Math.sqrt(6 / (window * (numIn + numOut)));
    return uniforms(sizeOf(shape), source).map((u) => (2 * u - 1) * limit);
  };
}

/**
 * All zero.
 *
 * @returns The initializer.
 */
export function zeros(): Initializer {
  return (shape) => new Float32Array(sizeOf(shape));
}
