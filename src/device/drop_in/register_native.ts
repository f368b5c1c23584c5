/** Replaces kernels of the TensorFlow.js CPU backend by native ones. */

import {
  areFloats,
  type DropIn,
  dropInsOf,
  replaceKernels,
} from "./kernels.ts";
import type { ConvSizes, PoolSizes } from "../sizes.ts";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import type { BinaryFunction } from "../onednn/library/describe.ts";
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

const KERNELS: Readonly<Record<string, DropIn<CpuBackend>>> = {
  ...dropInsOf<CpuBackend>({
    conv2d(_, { activation, ...tensors }, sizes) {
      if (!isConvolution(sizes)) return;
      return activated(nativeConv2d(tensors, sizes), activation);
    },
    conv2dInputGradient(_, tensors, sizes) {
      if (!isConvolution(sizes)) return;
      return nativeConv2dInputGradient(tensors, sizes);
    },
    conv2dFilterGradient(backend, tensors, sizes) {
      if (!isConvolution(sizes)) return;
      const { filter, bias } = nativeConv2dFilterGradient(tensors, sizes);
      backend.disposeData(bias.dataId);
      return filter;
    },
    matmul: (_, { activation, ...tensors }, sizes) =>
      activated(nativeMatmul(tensors, sizes), activation),
    maxPool(backend, x, sizes) {
      if (!isPooling(sizes)) return;
      const { pooled, places } = nativePool(x, "max", sizes);
      backend.disposeData(places!.dataId);
      return pooled;
    },
    maxPoolGradient(backend, { dy, x }, sizes) {
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
 * Makes every TensorFlow.js program in this process compute convolutions, matrix products, max pooling, their gradients,
 * and large elementwise operations of the CPU backend with oneDNN, while that is the device in use.
 */
export function registerNative(): void {
  replaceKernels("cpu", KERNELS, {
    when: () => readyDevice()?.name === "onednn",
  });
}

function isConvolution(s: ConvSizes): boolean {
  return areWindowsUsual(s, [s.filterHeight, s.filterWidth]);
}

function isPooling(s: PoolSizes): boolean {
  return areWindowsUsual(s, [s.windowHeight, s.windowWidth]);
}

/** Leaves NaN, which oneDNN would hide, to TensorFlow.js's own kernel. */
function activationOf(of: FusedActivation): DropIn<CpuBackend> {
  return ({ backend, inputs: { x } }) =>
    isLarge(x) && areFloats(backend, x) && !hasNaN(x)
      ? nativeUnary(x, of)
      : undefined;
}

function binary(of: BinaryFunction): DropIn<CpuBackend> {
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
