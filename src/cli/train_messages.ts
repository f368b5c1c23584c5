/**
 * What `train` says about a run besides its epochs.
 *
 * @module
 */

import type { BackendInfo } from "../device/device.ts";
import type { MpiCommunicator } from "../distributed/mpi_communicator.ts";
import { nameOf } from "../distributed/processes.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { EpochEnd, Progress } from "../train/callbacks.ts";
import type { History } from "../train/fit.ts";
import { formatBytes, formatDuration, formatSpeed } from "./console.ts";
import type { Recipe } from "./recipe.ts";

/** Share of an epoch that may be spent waiting for data without a word. */
const MAX_WAIT = 0.05;

/**
 * Describes what is going to be computed.
 *
 * @param recipe Every choice.
 * @param optimizer The optimizer, in words.
 * @param data How many images there are.
 * @returns One line.
 */
export function describeRecipe(
  recipe: Recipe,
  optimizer: string,
  data: { train: { numSamples: number }; test: { numSamples: number } },
): string {
  const { epochs, batchSize, imageSize, seed, maxTimeMs } = recipe;
  const { dropout, precision } = recipe;
  return [
    `${recipe.model}`,
    `${data.train.numSamples} training and ${data.test.numSamples} test images at ${imageSize}x${imageSize}`,
    `batch size ${batchSize}`,
    optimizer,
    recipe.model === "alexnet" ? `dropout ${dropout}` : "",
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`,
    maxTimeMs ? `at most ${formatDuration(maxTimeMs / 1000)}` : "",
    precision === "float32" ? "" : precision,
    `seed ${seed}`,
  ].filter(Boolean).join(", ");
}

/**
 * Tells which processes train together.
 *
 * @param communicator Connects them, if there are several.
 * @param batchSize Images per step of all of them.
 * @returns Some lines.
 */
export function describeTogether(
  communicator: MpiCommunicator | undefined,
  batchSize: number,
): string[] {
  if (communicator === undefined) return [];
  const { library, size, processes } = communicator;
  const [least, most] = [Math.floor, Math.ceil].map((f) => f(batchSize / size));
  const images = least === most ? least : `${least} or ${most}`;
  return [
    `together: ${size} ${
      size === 1 ? "process" : "processes"
    } by ${library}, each with ${images} images of every batch`,
    ...processes.map((process) => `  ${nameOf(process)}`),
  ];
}

/**
 * Explains that batches are computed in parts, where they are.
 *
 * @param net The network.
 * @param batchSize Images per step.
 * @param backend The device.
 * @returns One line, or nothing.
 */
export function explainSplit(
  net: Sequential,
  batchSize: number,
  backend: BackendInfo,
): string | undefined {
  const size = net.maxBatch();
  if (size >= batchSize) return;
  const parts = Math.ceil(batchSize / size);
  return (`note: each batch is computed in ${parts} parts, with the same result, as the adapter binds at most ${
    formatBytes(backend.maxBindingBytes)
  }`);
}

/**
 * Estimates how long training takes.
 *
 * @param e Progress of the first steps.
 * @param recipe Epochs and the time limit.
 * @returns One line.
 */
export function estimateTime(
  e: Progress,
  { epochs, maxTimeMs }: Recipe,
): string {
  const left = epochs - e.epoch + 1;
  const seconds = (e.batches ?? e.batch) * e.secondsPerBatch * left;
  const limit = maxTimeMs !== undefined && seconds * 1000 > maxTimeMs
    ? `, stopping after ${formatDuration(maxTimeMs / 1000)}`
    : "";
  return `estimated training time: ${formatDuration(seconds)} for ${left} ${
    left === 1 ? "epoch" : "epochs"
  } at ${formatSpeed(e.imagesPerSecond)}, evaluation not counted${limit}`;
}

/**
 * Explains that an epoch was slow for want of data, where it was.
 *
 * @param epoch The record of the epoch.
 * @returns One line, or nothing.
 */
export function explainWait(
  { waitSeconds, seconds }: Pick<EpochEnd, "waitSeconds" | "seconds">,
): string | undefined {
  if (waitSeconds < Math.max(1, MAX_WAIT * seconds)) return;
  const percent = Math.round(100 * waitSeconds / seconds);
  return (`note: ${percent}% of that time was spent waiting for batches: more --workers or fewer changes of --augment may help`);
}

/**
 * Explains that training ended because the time was up, if it did.
 *
 * @param history What was done.
 * @param recipe Epochs and the time limit.
 * @param stepsPerEpoch Steps of a whole epoch.
 * @returns One line, or nothing.
 */
export function explainStop(
  history: History,
  { maxTimeMs, epochs }: Recipe,
  stepsPerEpoch: number,
): string | undefined {
  if (history.stopped !== "max-time" || maxTimeMs === undefined) return;
  return (`stopped after ${
    formatDuration(maxTimeMs / 1000)
  } as asked, at step ${history.steps} of ${
    stepsPerEpoch * epochs
  }; test acc is of the weights at that step`);
}

/**
 * Explains that steps changed nothing, if some did.
 *
 * @param history What was done.
 * @returns One line, or nothing.
 */
export function explainSkipped(
  { skippedSteps, steps }: History,
): string | undefined {
  if (skippedSteps === 0) return;
  return `note: ${skippedSteps} of ${steps} steps changed nothing, as gradients overflowed float16`;
}
