/** Runs single native kernels, with outputs that start as NaN. */

import { assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CpuBackend } from "../../../src/device/tfjs/cpu_backend.ts";
import { tf } from "../../../src/device/tf.ts";
import { asTensor } from "../../../src/device/tape.ts";
import { nativeBackend } from "../../native.ts";
import type { KernelRun } from "../webgpu/run.ts";

/** A kernel to run, which makes one tensor by default; what it makes is not asked for. */
export type NativeRun<Made = TensorInfo> =
  & Omit<KernelRun<Made, CpuBackend>, "makes">
  & Partial<Pick<KernelRun, "makes">>;

/**
 * Runs a kernel: all memory that it is lent is filled with NaN, so that an element which it does not write, or reads before
 * writing, shows. Fails if the kernel leaves tensors behind, or memory.
 *
 * @param run The kernel and its tensors.
 * @returns The values of the output.
 */
export async function runNative(run: NativeRun): Promise<Float32Array> {
  const [values] = await runNativeOfSeveral({
    ...run,
    kernel: (...args) => [run.kernel(...args)],
  });
  return values;
}

/**
 * Runs a kernel that makes several tensors, as {@linkcode runNative} does.
 *
 * @param run The kernel and its tensors.
 * @returns The values of each output.
 */
export async function runNativeOfSeveral(
  run: NativeRun<readonly TensorInfo[]>,
): Promise<Float32Array[]> {
  const backend = await nativeBackend();
  const { lentBytes } = backend.arrays;
  const tensors = run.inputs.map(({ values, shape }) =>
    tf.tensor(values, [...shape])
  );
  const before = backend.numDataIds();
  const outputs = poisoned(
    backend,
    () =>
      run.kernel(backend, tensors).map((made) =>
        made instanceof tf.Tensor ? made : asTensor(made)
      ),
  );
  const values: Float32Array[] = [];
  for (const output of outputs) {
    values.push(Float32Array.from(await output.data()));
  }
  const count = new Set(outputs.map(({ dataId }) => dataId)).size;
  assertEquals(backend.numDataIds(), before + count, "tensors left");
  tf.dispose([...outputs, ...tensors]);
  assertEquals(backend.arrays.lentBytes, lentBytes, "memory still lent");
  return values;
}

/**
 * Has memory that the backend lends full of NaN, whose content is undefined.
 *
 * @param backend The backend.
 * @param compute What to compute meanwhile.
 * @returns What it gives.
 */
export function poisoned<T>({ arrays }: CpuBackend, compute: () => T): T {
  const { floats, bytes } = arrays;
  arrays.floats = (length) => floats.call(arrays, length).fill(NaN);
  arrays.bytes = (length) => bytes.call(arrays, length).fill(0xff);
  try {
    return compute();
  } finally {
    arrays.floats = floats;
    arrays.bytes = bytes;
  }
}
