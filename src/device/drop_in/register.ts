/**
 * Replaces kernels of the TensorFlow.js WebGPU backend by ours.
 *
 * @module
 */

import type { AnyBackend, Kernel } from "./kernel.ts";
import { convKernels } from "./tfjs_conv2d.ts";
import { matmulKernels } from "./tfjs_matmul.ts";
import { maxPoolKernels } from "./tfjs_pool.ts";
import { tf } from "../tf.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../webgpu/conv/conv2d.ts";
import { matmul } from "../webgpu/gemm/product.ts";
import { prepareWebGpu } from "../webgpu/open_webgpu.ts";
import { maxPool, maxPoolGradient } from "../webgpu/pool/max_pool.ts";
import { BackendError } from "../../errors.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type {
  KernelConfig,
  KernelFunc,
  TensorInfo,
} from "@tensorflow/tfjs-core";

const KERNELS: Readonly<Record<string, Kernel<WebGPUBackend>>> = {
  ...convKernels({
    forward: conv2dForward,
    inputGradient: conv2dInputGradient,
    filterGradient: conv2dFilterGradient,
  }),
  ...matmulKernels(matmul),
  ...maxPoolKernels({ forward: maxPool, gradient: maxPoolGradient }),
};

/** Kernels that were registered by us. */
const ours = new WeakSet<KernelFunc>();

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

/**
 * Replaces kernels of a backend of TensorFlow.js, once. What a kernel does not cover goes to the one that it replaces.
 */
export function replaceKernels<Backend extends AnyBackend>(
  backendName: "webgpu" | "cpu",
  kernels: Readonly<Record<string, Kernel<Backend>>>,
): void {
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    const stock = tf.getKernel(kernelName, backendName);
    if (stock === undefined) {
      throw new BackendError(
        `Cannot replace the kernel ${kernelName} as TensorFlow.js ${tf.version_core} has none: use version 4.22.0`,
      );
    }
    if (ours.has(stock.kernelFunc)) continue;
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel(replaceKernel(stock, kernel));
  }
}

function replaceKernel<Backend extends AnyBackend>(
  stock: KernelConfig,
  kernel: Kernel<Backend>,
): KernelConfig {
  const kernelFunc: KernelFunc = (args) => {
    const output = kernel({
      backend: args.backend as Backend,
      inputs: args.inputs as Record<string, TensorInfo>,
      attrs: args.attrs ?? {},
    });
    return output ?? stock.kernelFunc(args);
  };
  ours.add(kernelFunc);
  return { ...stock, kernelFunc };
}
