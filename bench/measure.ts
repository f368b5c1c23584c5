/**
 * Times work on the WebGPU device and prints rates.
 *
 * Waiting for the device costs Deno at least 11 ms (a poll and a 10 ms sleep), so a run is repeated until that is a small
 * share of what is timed.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../src/device/tf.ts";
import { initBackend } from "../src/device/open.ts";
import { flush } from "../src/device/webgpu/run/recorder.ts";

/** Shortest time to measure at once, in milliseconds. */
const MIN_MS = 300;

/** How many times to measure; the median counts. */
const ROUNDS = 5;

/**
 * Makes WebGPU ready, with every kernel on it: by default TensorFlow.js computes small tensors on the CPU instead.
 *
 * @returns The backend and the name of its adapter.
 */
export async function openDevice(): Promise<
  { backend: WebGPUBackend; adapter: string }
> {
  const { adapter } = await initBackend({ device: "webgpu" });
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  return { backend: tf.backend() as WebGPUBackend, adapter: adapter!.name };
}

/** Waits until the device has done all that was recorded. */
export async function synchronize(): Promise<void> {
  const backend = tf.backend() as WebGPUBackend;
  flush(backend);
  await backend.device.queue.onSubmittedWorkDone();
}

/**
 * Times a run that has been done once before, so that its shaders are compiled.
 *
 * @param run Records work for the device.
 * @param times How often to do it.
 * @returns Milliseconds per run.
 */
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

/**
 * Finds out how often to repeat a run, after compiling its shaders.
 *
 * @param run Records work for the device.
 * @returns How often.
 */
export async function countRepeats(run: () => void): Promise<number> {
  await timeRuns(run, 1);
  let times = 1;
  while (await timeRuns(run, times) * times < MIN_MS) times *= 2;
  return times;
}

/**
 * Measures a run.
 *
 * @param run Records work for the device.
 * @returns Milliseconds per run: the median of five measurements.
 */
export async function measure(run: () => void): Promise<number> {
  const times = await countRepeats(run);
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await timeRuns(run, times));
  return median(rounds);
}

/**
 * The middle one of some numbers.
 *
 * @param numbers At least one.
 * @returns The middle one, or the mean of the two in the middle.
 */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}
