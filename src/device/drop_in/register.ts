/** Replaces kernels of the TensorFlow.js WebGPU backend by ours. */

import { dropInsOf, replaceKernels } from "./kernels.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../webgpu/conv/conv2d.ts";
import { matmul } from "../webgpu/gemm/product.ts";
import { prepareWebGpu } from "../webgpu/open_webgpu.ts";
import { maxPool, maxPoolGradient } from "../webgpu/pool/pool.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

const KERNELS = dropInsOf<WebGPUBackend>({
  conv2d: conv2dForward,
  conv2dInputGradient,
  conv2dFilterGradient,
  matmul,
  maxPool,
  maxPoolGradient,
});

/**
 * Makes every TensorFlow.js program in this process that uses the WebGPU backend compute convolutions, matrix products,
 * max pooling and their gradients with the kernels of this package. Cases that they do not cover go to TensorFlow.js's
 * own. Calling it again changes nothing.
 *
 * Call it before the program opens WebGPU (`tf.setBackend("webgpu")`): then TensorFlow.js opens it on a device of ours, which
 * has the adapter's limits and, on software adapters, subgroups, without which the kernels take about twice as long.
 *
 * "Every program" means those that use the same copy of `@tensorflow/tfjs-core` 4.22.0. Each new shape compiles shaders
 * of its own, which stay for the life of the device: they suit training, where shapes repeat.
 *
 * @example
 * ```ts
 * import { registerKernels } from "@x/alexnet/kernels";
 *
 * await registerKernels();
 * ```
 *
 * @returns The names of the kernels.
 * @throws {BackendError} If TensorFlow.js has no kernel of one of these names.
 */
export async function registerKernels(): Promise<string[]> {
  await prepareWebGpu();
  await import("@tensorflow/tfjs-backend-webgpu");
  replaceKernels("webgpu", KERNELS);
  return Object.keys(KERNELS);
}
