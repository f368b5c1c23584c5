/** First values of weights. */

import { uniforms } from "../random.ts";
import type { Initializer, WeightSpec } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";

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

/** The weights of a layer: a kernel, and a bias with an element for each output of the kernel. */
export function kernelAndBias(
  shape: Shape,
  { kernelInitializer = xavierUniform(), biasInitializer = zeros() }: {
    kernelInitializer?: Initializer;
    biasInitializer?: Initializer;
  },
): WeightSpec[] {
  return [
    { name: "kernel", shape, initializer: kernelInitializer },
    { name: "bias", shape: shape.slice(-1), initializer: biasInitializer },
  ];
}
