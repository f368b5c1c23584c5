/**
 * Tells which calls of a kernel were left to TensorFlow.js's own.
 *
 * Results alone cannot tell: TensorFlow.js's kernels give the same ones.
 */

import { loadTf, tf } from "../../../src/device/tf.ts";

/** Names of the kernels that `registerKernels` replaces on WebGPU. */
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

/** Those that are replaced on the CPU. */
export const REPLACED_ON_CPU = [
  ...REPLACED,
  "Add",
  "Multiply",
  "RealDiv",
  "Relu",
  "Sigmoid",
  "Sqrt",
  "Sub",
];

/** Names of the kernels that were called, in the order of the calls. */
export interface Calls {
  /** All calls, on the device, of the kernels that are replaced on it. */
  readonly all: string[];
  /** Those that TensorFlow.js's own kernels computed. */
  readonly stock: string[];
}

/**
 * Starts to watch the kernels that are replaced on a device. It must run before anything in the process registers ours,
 * which then take the watched kernels for TensorFlow.js's own. Once per process. Gives a function that takes the calls so far.
 */
export async function watchCalls(
  device: "webgpu" | "cpu" = "webgpu",
): Promise<() => Calls> {
  await loadTf();
  if (device === "webgpu") await import("@tensorflow/tfjs-backend-webgpu");
  const names = device === "webgpu" ? REPLACED : REPLACED_ON_CPU;
  let calls: Calls = { all: [], stock: [] };
  for (const name of names) {
    const config = tf.getKernel(name, device);
    tf.unregisterKernel(name, device);
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
    if (tf.getBackend() === device && names.includes(name)) {
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
