/**
 * Opens a device and times work on it.
 *
 * Waiting for WebGPU costs Deno at least 11 ms (a poll and a 10 ms sleep), so a run is repeated until that is a small share of
 * what is timed.
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../src/device/tf.ts";
import { initBackend, nativeLibrary } from "../src/device/open.ts";
import { flush } from "../src/device/webgpu/run/recorder.ts";

/** Shortest time to measure at once, in milliseconds. */
const MIN_MS = 300;

/** How many times to measure; the median counts. */
const ROUNDS = 5;

/** Makes WebGPU ready, with every kernel on it: by default TensorFlow.js computes small tensors on the CPU instead. */
export async function openDevice(): Promise<
  { backend: WebGPUBackend; adapter: string }
> {
  const { adapter } = await initBackend({ device: "webgpu" });
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  return { backend: tf.backend() as WebGPUBackend, adapter: adapter!.name };
}

/** Makes the CPU ready, and gives its library with its version, for example "oneDNN 2.6.3"; or says why there is none. */
export async function openCpu(): Promise<
  { name: string; threads?: number } | string
> {
  // Without the library there is nothing to measure: TensorFlow.js alone takes minutes for an image of AlexNet's.
  const { library } = await initBackend({ device: "cpu", onWarning() {} });
  if (library === undefined) return nativeLibrary().missing!;
  const { name, version, threads } = library;
  return { name: `${name} ${version}`, threads };
}

/** Waits until the device has done all that was recorded. */
export async function synchronize(): Promise<void> {
  const backend = tf.backend() as WebGPUBackend;
  flush(backend);
  await backend.device.queue.onSubmittedWorkDone();
}

/** Times a run that was done before, so that its shaders are compiled: gives milliseconds per run. */
export async function timeRuns(
  run: () => void,
  times: number,
): Promise<number> {
  await synchronize();
  const start = performance.now();
  for (let i = 0; i < times; i++) run();
  await synchronize();
  return (performance.now() - start) / times;
}

/** Compiles the shaders of a run, and finds out how often it is to be repeated. */
export async function countRepeats(run: () => void): Promise<number> {
  await timeRuns(run, 1);
  let times = 1;
  while (await timeRuns(run, times) * times < MIN_MS) times *= 2;
  return times;
}

/** Measures a run: gives milliseconds, the median of five measurements. */
export async function measure(run: () => void): Promise<number> {
  const times = await countRepeats(run);
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await timeRuns(run, times));
  return median(rounds);
}

/** The middle one of some numbers, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

/** The part of the backend that counts memory. */
interface BufferManager {
  readonly numBytesUsed: number;
  acquireBuffer(...args: unknown[]): GPUBuffer;
}

/**
 * Counts bytes of buffers in use (`tf.memory().numBytesInGPU`); the function that it gives takes the most since the last call.
 */
export function watchPeakBytes(backend: WebGPUBackend): () => number {
  let peak = 0;
  const manager =
    (backend as unknown as { bufferManager: BufferManager }).bufferManager;
  const { acquireBuffer } = manager;
  manager.acquireBuffer = function (...args) {
    const buffer = acquireBuffer.apply(manager, args);
    peak = Math.max(peak, manager.numBytesUsed);
    return buffer;
  };
  return () => {
    const bytes = peak;
    peak = 0;
    return bytes;
  };
}
