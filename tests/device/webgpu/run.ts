/** Runs single kernels on WebGPU, with outputs that start as NaN, and says how far their sums may be off. */

import { assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../../src/device/device.ts";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { asTensor } from "../../../src/device/tape.ts";
import type { Tolerance } from "../../compare.ts";
import { use } from "../../device.ts";

/** A tensor to run a kernel on, float32 by default. */
export interface Input<Values = Float32Array> {
  readonly values: Values;
  readonly shape: readonly number[];
}

/** A kernel to run, which makes one tensor by default. */
export interface KernelRun<Made = TensorInfo, Backend = WebGPUBackend> {
  readonly inputs: readonly Input<Float32Array | Int32Array>[];
  /** Number of elements of each tensor that the kernel makes, output and temporary ones. Default: found by a run before. */
  readonly makes?: readonly number[];
  /** Records the kernel. */
  readonly kernel: (
    backend: Backend,
    tensors: readonly Tensor[],
  ) => Made;
}

/** Runs an operation of several tensors, which works on any device, on one; gives the values of each output. */
export type RunSeveral = (
  run: KernelRun<readonly TensorInfo[], unknown>,
) => Promise<Float32Array[]>;

/** Makes WebGPU ready. */
export async function webgpuBackend(): Promise<WebGPUBackend> {
  await use("webgpu");
  return tf.backend() as WebGPUBackend;
}

/**
 * Runs a kernel: its inputs are uploaded, then every buffer that it may be given for what it makes is filled with NaN, so
 * that an element which it does not write, or reads before writing, shows. Fails if the kernel leaves tensors behind.
 */
export async function runKernel(run: KernelRun): Promise<Float32Array> {
  const [values] = await runKernelOfSeveral({
    ...run,
    kernel: (...args) => [run.kernel(...args)],
  });
  return values;
}

/** Runs a kernel that makes several tensors, as {@linkcode runKernel} does. */
export async function runKernelOfSeveral(
  run: KernelRun<readonly TensorInfo[]>,
): Promise<Float32Array[]> {
  const backend = await webgpuBackend();
  const tensors = run.inputs.map(({ values, shape }) =>
    tf.tensor(values, [...shape])
  );
  tensors.forEach(({ dataId }) => backend.uploadToGPU(dataId));
  const record = () =>
    run.kernel(backend, tensors).map((made) =>
      made instanceof tf.Tensor ? made : asTensor(made)
    );
  await poison(run.makes ?? sizesMadeBy(backend, () => tf.dispose(record())));
  const before = backend.numDataIds();
  const outputs = record();
  const values: Float32Array[] = [];
  for (const output of outputs) {
    values.push(Float32Array.from(await output.data()));
  }
  assertEquals(
    backend.numDataIds(),
    before + outputs.length,
    "tensors after the kernel",
  );
  tf.dispose([...outputs, ...tensors]);
  throwIfDeviceFailed();
  return values;
}

/** Numbers of elements of the tensors that are made meanwhile. */
function sizesMadeBy(backend: WebGPUBackend, run: () => void): number[] {
  const sizes: number[] = [];
  const make = backend.makeTensorInfo;
  backend.makeTensorInfo = function (shape, ...rest) {
    sizes.push(shape.reduce((product, n) => product * n, 1));
    return make.call(this, shape, ...rest);
  };
  try {
    run();
  } finally {
    backend.makeTensorInfo = make;
  }
  return sizes;
}

/**
 * Puts buffers full of NaN on top of the backend's pool of free buffers, from where the next tensors of their sizes are
 * taken.
 */
export async function poison(sizes: readonly number[]): Promise<void> {
  const copies = 3;
  const poisons = sizes.flatMap((size) =>
    Array.from({ length: copies }, () => tf.fill([size], NaN))
  );
  // A read submits the fills, so that disposing them frees their buffers at once.
  const mark = tf.scalar(0);
  const read = tf.neg(mark);
  await read.data();
  tf.dispose([...poisons, mark, read]);
}

/** Distance from 1 to the next float32. */
const EPSILON = 2 ** -23;

/**
 * How far a float32 sum of products of random numbers may be from the exact one.
 *
 * Of n products of random sign and none larger than m, the running sum stays below sqrt(n) m, three standard deviations
 * where operands are uniform. Adding a product rounds it and the sum, together by at most an epsilon of the sum, up or
 * down at random, so that n additions are off by about sqrt(n) of that: sqrt(n) epsilon * sqrt(n) m. Cutting a sum into
 * parts makes the error smaller. Leaving out or repeating a single product is thousands of times more. Relative: the sum
 * is rounded once more by what follows it.
 */
export function sumTolerance(
  left: Float32Array,
  right: Float32Array,
  depth: number,
): Tolerance {
  const largest = (values: Float32Array) =>
    values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const runningSum = Math.sqrt(depth) * largest(left) * largest(right);
  return {
    absolute: Math.sqrt(depth) * EPSILON * runningSum,
    relative: EPSILON,
  };
}
