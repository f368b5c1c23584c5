/**
 * Runs single kernels on WebGPU, with outputs that start as NaN, and says how far their sums may be off.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../src/backend/backend.ts";
import { tf } from "../../src/backend/tf.ts";
import type { Tolerance } from "../compare.ts";
import { use } from "../device.ts";

/** A tensor to run a kernel on. */
export interface Input {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** A kernel to run. */
export interface KernelRun {
  readonly inputs: readonly Input[];
  /** Number of elements of each tensor that the kernel makes, output and temporary ones. */
  readonly makes: readonly number[];
  /** Records the kernel. */
  readonly kernel: (
    backend: WebGPUBackend,
    tensors: readonly TensorInfo[],
  ) => TensorInfo;
}

/**
 * Makes WebGPU ready.
 *
 * @returns The backend of TensorFlow.js.
 */
export async function webgpuBackend(): Promise<WebGPUBackend> {
  await use("webgpu");
  return tf.backend() as WebGPUBackend;
}

/**
 * Runs a kernel: its inputs are uploaded, then every buffer that it may be given for what it makes is filled with NaN, so
 * that an element which it does not write, or reads before writing, shows. Fails if the kernel leaves tensors behind.
 *
 * @param run The kernel and its tensors.
 * @returns The values of the output.
 */
export async function runKernel(run: KernelRun): Promise<Float32Array> {
  const backend = await webgpuBackend();
  const tensors = run.inputs.map(({ values, shape }) =>
    tf.tensor(values, [...shape])
  );
  tensors.forEach(({ dataId }) => backend.uploadToGPU(dataId));
  await poison(run.makes);
  const before = backend.numDataIds();
  const info = run.kernel(backend, tensors);
  const output = tf.engine().makeTensorFromTensorInfo(info);
  const values = Float32Array.from(await output.data());
  assertEquals(backend.numDataIds(), before + 1, "tensors after the kernel");
  tf.dispose([output, ...tensors]);
  throwIfDeviceFailed();
  return values;
}

/**
 * Puts buffers full of NaN on top of the backend's pool of free buffers, from where the next tensors of their sizes are
 * taken.
 *
 * @param sizes Numbers of elements.
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
 * With n products of random sign, none larger than m, the running sum after k of them is about sqrt(k) m. Each addition
 * rounds it by at most half an epsilon of itself, up or down at random, so that the sum ends up off by about
 *
 *     sqrt(sum over k of (epsilon / 2 * sqrt(k) m)^2) = sqrt(n) epsilon m * sqrt(n / 8).
 *
 * That is about seven standard deviations, as uniform operands have products of m / 3 and roundings of half of the most
 * that is possible. Splitting a sum makes the error smaller. A single product left out is thousands of times more.
 * Relative: the sum itself and what follows it are rounded once each.
 *
 * @param left Values of one operand.
 * @param right Values of the other.
 * @param depth Number of products in a sum.
 * @returns The tolerance.
 */
export function sumTolerance(
  left: Float32Array,
  right: Float32Array,
  depth: number,
): Tolerance {
  const largest = (values: Float32Array) =>
    values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const product = largest(left) * largest(right);
  return {
    absolute: Math.sqrt(depth) * EPSILON * product * Math.sqrt(depth / 8),
    relative: EPSILON,
  };
}
