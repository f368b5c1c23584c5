/**
 * WebGPU kernels for training convolutional networks, as a drop-in for TensorFlow.js.
 *
 * ```ts
 * import { registerKernels } from "@x/alexnet/kernels";
 *
 * // From here on, any TensorFlow.js program in this process computes convolutions, matrix products and max pooling on
 * // the "webgpu" backend, forward and backward, with the kernels of this package.
 * console.log(await registerKernels());
 * ```
 *
 * @module
 */

export { registerKernels } from "./register.ts";
