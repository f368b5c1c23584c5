/**
 * Calls of native kernels as timings: what they read is random and lies ready, what they make is freed.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { cpuBackend, implementations } from "../src/device/onednn/tensors.ts";
import { type Shape, sizeOf } from "../src/nn/shape.ts";
import type { HostTiming } from "./host_timings.ts";

/** A call of a native kernel, and how much it does. */
export interface NativeCall
  extends Pick<HostTiming, "sizes" | "gflop" | "gigabytes"> {
  /** Name of the layer, for example "conv2d_1"; empty where it is of no single one. */
  readonly layer: string;
  /** For example "filter gradient". */
  readonly operation: string;
  /** Computes new tensors. */
  readonly compute: () => readonly TensorInfo[];
}

/** Operands of calls: float32 tensors of numbers in [-0.5, 0.5). All left ones share memory, and so do all right ones. */
export interface NativeOperands {
  /** Makes a tensor of a shape. */
  readonly left: (shape: Shape) => TensorInfo;
  /** Makes a tensor of a shape, in other memory. */
  readonly right: (shape: Shape) => TensorInfo;
}

/**
 * Makes memory for operands. The CPU must be in use, with its library.
 *
 * @param maxSize Elements of the largest.
 * @returns What makes operands.
 */
export function makeOperands(maxSize: number): NativeOperands {
  const [left, right] = [0, 1].map(() => {
    const backend = cpuBackend();
    const values = backend.arrays.floats(maxSize);
    for (let i = 0; i < maxSize; i++) values[i] = Math.random() - 0.5;
    return (shape: Shape) =>
      backend.makeTensorInfo(
        [...shape],
        "float32",
        values.subarray(0, sizeOf(shape)),
      );
  });
  return { left, right };
}

/**
 * Makes timings of calls.
 *
 * @param calls What to time.
 * @returns A timing per call, named after layer and operation, which knows the library's implementation once it has run.
 */
export function timeCalls(calls: readonly NativeCall[]): HostTiming[] {
  // Layers of the same sizes share what the library has made ready.
  const known = new Map<string, string>();
  return calls.map(({ layer, operation, compute, ...work }) => {
    const key = `${operation} ${work.sizes}`;
    return {
      ...work,
      name: `${layer} ${operation}`.trim(),
      group: layer || operation,
      implementation: () => known.get(key) ?? "",
      run() {
        const isNew = !known.has(key);
        const before = isNew ? implementations().size : 0;
        for (const { dataId } of compute()) cpuBackend().disposeData(dataId);
        if (!isNew) return;
        const made = [...implementations().values()].slice(before);
        known.set(key, [...new Set(made)].join(", "));
      },
    };
  });
}
