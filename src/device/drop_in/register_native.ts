/**
 * Replaces kernels of the TensorFlow.js CPU backend by native ones.
 *
 * @module
 */

import { areFloats, type Kernel } from "./kernel.ts";
import type { ConvSizes, PoolSizes } from "../sizes.ts";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import type { BinaryFunction } from "../onednn/library/describe.ts";
import { replaceKernels } from "./register.ts";
import { convKernels } from "./tfjs_conv2d.ts";
import { matmulKernels } from "./tfjs_matmul.ts";
import { maxPoolKernels } from "./tfjs_pool.ts";
import {
  activated,
  fitsBinary,
  hasNaN,
  nativeBinary,
  nativeUnary,
} from "../onednn/elementwise.ts";
import {
  areWindowsUsual,
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../onednn/conv2d.ts";
import { type FusedActivation, readyDevice } from "../device.ts";
import { nativeMatmul } from "../onednn/matmul.ts";
import { nativePool, nativePoolGradient } from "../onednn/pool.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** Fewer elements are computed faster than a native call for their number is made ready. */
const MIN_ELEMENTS = 4096;

const KERNELS: Readonly<Record<string, Kernel<CpuBackend>>> = {
  ...convKernels<CpuBackend>({
    forward(_, { activation, ...tensors }, sizes) {
      if (!isConvolution(sizes)) return;
      return activated(nativeConv2d(tensors, sizes), activation);
    },
    inputGradient(_, tensors, sizes) {
      if (!isConvolution(sizes)) return;
      return nativeConv2dInputGradient(tensors, sizes);
    },
    filterGradient(backend, tensors, sizes) {
      if (!isConvolution(sizes)) return;
      const { filter, bias } = nativeConv2dFilterGradient(tensors, sizes);
      backend.disposeData(bias.dataId);
      return filter;
    },
  }),
  ...matmulKernels<CpuBackend>((_, { activation, ...tensors }, sizes) =>
    activated(nativeMatmul(tensors, sizes), activation)
  ),
  ...maxPoolKernels<CpuBackend>({
    forward(backend, x, sizes) {
      if (!isPooling(sizes)) return;
      const { pooled, places } = nativePool(x, "max", sizes);
      backend.disposeData(places!.dataId);
      return pooled;
    },
    gradient(backend, { dy, x }, sizes) {
      if (!isPooling(sizes)) return;
      const { pooled, places } = nativePool(x, "max", sizes);
      const dx = nativePoolGradient({ dy, places }, sizes);
      for (const { dataId } of [pooled, places!]) backend.disposeData(dataId);
      return dx;
    },
  }),
  Relu: activationOf("relu"),
  Sigmoid: activationOf("sigmoid"),
  Sqrt: ({ backend, inputs: { x } }) =>
    isLarge(x) && areFloats(backend, x) ? nativeUnary(x, "sqrt") : undefined,
  Add: binary("add"),
  Sub: binary("subtract"),
  Multiply: binary("multiply"),
  RealDiv: binary("divide"),
};

/**
 * Has every TensorFlow.js program in this process compute convolutions, matrix products, max pooling, their gradients, and
 * large elementwise operations on the CPU backend by oneDNN, while that is the device in use. Cases that it does not cover go to
 * TensorFlow.js's own.
 */
export function registerNative(): void {
  replaceKernels(
    "cpu",
    Object.fromEntries(
      Object.entries(KERNELS).map((
        [name, kernel],
      ) => [
        name,
        (call) => readyDevice()?.name === "onednn" ? kernel(call) : undefined,
      ]),
    ) as typeof KERNELS,
  );
}

/** Whether the library computes a convolution. */
function isConvolution(s: ConvSizes): boolean {
  return areWindowsUsual(s, [s.filterHeight, s.filterWidth]);
}

/** Whether the library computes a pooling. */
function isPooling(s: PoolSizes): boolean {
  return areWindowsUsual(s, [s.windowHeight, s.windowWidth]);
}

/** Leaves NaN, which oneDNN would hide, to TensorFlow.js's own kernel. */
function activationOf(of: FusedActivation): Kernel<CpuBackend> {
  return ({ backend, inputs: { x } }) =>
    isLarge(x) && areFloats(backend, x) && !hasNaN(x)
      ? nativeUnary(x, of)
      : undefined;
}

function binary(of: BinaryFunction): Kernel<CpuBackend> {
  const isSymmetric = of === "add" || of === "multiply";
  return ({ backend, inputs: { a, b } }) => {
    if (!areFloats(backend, a, b)) return;
    if (isLarge(a) && fitsBinary(a, b)) return nativeBinary(a, b, of);
    if (isSymmetric && isLarge(b) && fitsBinary(b, a)) {
      return nativeBinary(b, a, of);
    }
  };
}

function isLarge({ shape }: TensorInfo): boolean {
  return shape.reduce((product, n) => product * n, 1) >= MIN_ELEMENTS;
}
