/**
 * Tells which calls of a kernel were left to TensorFlow.js's own.
 *
 * Results alone cannot tell: TensorFlow.js's kernels give the same ones.
 *
 * @module
 */

import { loadTf, tf } from "../../src/backend/tf.ts";

/** Names of the kernels that `registerKernels` replaces. */
export const REPLACED = [
  "BatchMatMul",
  "Conv2D",
  "Conv2DBackpropFilter",
  "Conv2DBackpropInput",
  "FusedConv2D",
  "MaxPool",
  "MaxPoolGrad",
  "_FusedMatMul",
];

/** Names of the kernels that were called, in the order of the calls. */
export interface Calls {
  /** All calls on WebGPU of the kernels in {@linkcode REPLACED}. */
  readonly all: string[];
  /** Those that TensorFlow.js's own kernels computed. */
  readonly stock: string[];
}

/**
 * Starts to watch the kernels in {@linkcode REPLACED}. It must run before anything in the process registers ours, which
 * then take the watched kernels for TensorFlow.js's own. Once per process.
 *
 * @returns A function that gives the calls since it was last called.
 */
export async function watchCalls(): Promise<() => Calls> {
  await loadTf();
  await import("@tensorflow/tfjs-backend-webgpu");
  let calls: Calls = { all: [], stock: [] };
  for (const name of REPLACED) {
    const config = tf.getKernel(name, "webgpu");
    tf.unregisterKernel(name, "webgpu");
    tf.registerKernel({
      ...config,
      kernelFunc(args) {
        calls.stock.push(name);
        return config.kernelFunc(args);
      },
    });
  }
  const engine = tf.engine();
  const runKernel = engine.runKernel.bind(engine);
  engine.runKernel = (name, ...rest) => {
    if (tf.getBackend() === "webgpu" && REPLACED.includes(name)) {
      calls.all.push(name);
    }
    return runKernel(name, ...rest);
  };
  return () => {
    const taken = calls;
    calls = { all: [], stock: [] };
    return taken;
  };
}
