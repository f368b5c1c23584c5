/**
 * `train`: trains a network on Fashion-MNIST and prints the lecture's line for every epoch.
 *
 * @module
 */

import type { BackendInfo } from "../backend/backend.ts";
import { initBackend } from "../kernels/init.ts";
import { loadFashionMnist } from "../data/fashion_mnist.ts";
import { type ModelConfig, saveCheckpoint } from "../io/checkpoint.ts";
import { requirePrecision } from "../nn/precision.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { EpochEnd, Progress } from "../train/callbacks.ts";
import { fit, type History } from "../train/fit.ts";
import { useTuned } from "../train/tune.ts";
import { augmentationOf } from "./augment.ts";
import {
  formatBytes,
  formatDevice,
  formatDuration,
  formatEpoch,
  formatLayers,
  formatSpeed,
} from "./console.ts";
import { formatData } from "./data_summary.ts";
import { buildNetwork, checkNetwork } from "./network.ts";
import { optimizationOf } from "./optimization.ts";
import type { CommandLine } from "./options.ts";
import { checkWritable } from "./output_file.ts";
import { ProgressView } from "./progress.ts";
import { type Recipe, recipeOf } from "./recipe.ts";
import { tuneWith } from "./tune.ts";

/** Share of an epoch that may be spent waiting for data without a word. */
const MAX_WAIT = 0.05;

/** Batches after which the speed is known well enough to estimate the time. */
const ESTIMATE_AFTER = 3;

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 */
export async function train({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, imageSize } = recipe;
  const config: ModelConfig = { model, imageSize, classes: 10 };
  checkNetwork(config, options);
  const optimization = optimizationOf(recipe);
  if (options.save !== undefined) await checkWritable("--save", options.save);
  const view = new ProgressView({
    noBars: options.progress === false,
    quiet: options.quiet,
    logEvery: options["log-every"],
  });
  const say = (text: string) => options.quiet || console.log(text);
  try {
    const data = await loadFashionMnist({
      ...recipe,
      resize: imageSize === 28 ? undefined : imageSize,
      dataDir: options["data-dir"],
      offline: options.offline,
      source: options.source,
      augment: augmentationOf(options.augment),
      workers: options.workers,
      onProgress: view.download,
    });
    view.stop();
    const onWarning = (message: string) => console.error(`warning: ${message}`);
    const backend = await initBackend({ device: options.device, onWarning });
    requirePrecision(recipe.precision);
    const net = buildNetwork(config, recipe);
    say(`device: ${formatDevice(backend)}`);
    for (const line of formatData(data.train.summary())) say(line);
    say(`\n${formatLayers(net.summary())}\n`);
    const stepsPerEpoch = data.train.numBatches;
    const changes = optimization.describe(stepsPerEpoch);
    say(`recipe: ${_describe(recipe, changes, data)}`);
    _explainSplit(net, recipe, backend, say);
    if (options.tune && backend.adapter === undefined) {
      say("note: there is nothing to tune without a WebGPU adapter");
    } else if (options.tune) {
      await tuneWith(net, recipe, say);
    } else {
      await useTuned({ onWarning });
    }
    let isEstimated = false;
    const history = await fit(net, data.train, {
      epochs: recipe.epochs,
      precision: recipe.precision,
      optimizer: optimization.optimizer,
      schedule: optimization.scheduleOver(stepsPerEpoch),
      clipNorm: optimization.clipNorm,
      validation: data.test,
      maxTimeMs: recipe.maxTimeMs,
      logEvery: options["log-every"],
      callbacks: [{
        onProgress(e) {
          if (
            !isEstimated && e.phase === "train" && e.batch >= ESTIMATE_AFTER
          ) {
            isEstimated = true;
            view.print(_estimate(e, recipe));
          }
          view.update(e);
        },
        onEpochEnd(e) {
          view.stop();
          console.log(formatEpoch(e));
          _explainWait(e, say);
        },
      }, ...optimization.callbacks],
    });
    _explainStop(history, data.train.numBatches, recipe, say);
    if (history.skippedSteps > 0) {
      say(
        `note: ${history.skippedSteps} of ${history.steps} steps changed nothing, as gradients overflowed float16`,
      );
    }
    if (options.save !== undefined) {
      await saveCheckpoint(options.save, net, config);
      say(`saved ${options.save}`);
    }
    return 0;
  } finally {
    view.stop();
  }
}

function _describe(
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

function _explainSplit(
  net: Sequential,
  { batchSize }: Recipe,
  backend: BackendInfo,
  say: (text: string) => void,
): void {
  const size = net.maxBatch();
  if (size >= batchSize) return;
  const parts = Math.ceil(batchSize / size);
  say(
    `note: each batch is computed in ${parts} parts, with the same result, as the adapter binds at most ${
      formatBytes(backend.maxBindingBytes)
    }`,
  );
}

function _estimate(e: Progress, { epochs, maxTimeMs }: Recipe): string {
  const seconds = (e.batches ?? e.batch) * e.secondsPerBatch * epochs;
  const limit = maxTimeMs !== undefined && seconds * 1000 > maxTimeMs
    ? `, stopping after ${formatDuration(maxTimeMs / 1000)}`
    : "";
  return `estimated training time: ${formatDuration(seconds)} for ${epochs} ${
    epochs === 1 ? "epoch" : "epochs"
  } at ${formatSpeed(e.imagesPerSecond)}, evaluation not counted${limit}`;
}

function _explainWait(
  { waitSeconds, seconds }: EpochEnd,
  say: (text: string) => void,
): void {
  if (waitSeconds < Math.max(1, MAX_WAIT * seconds)) return;
  const percent = Math.round(100 * waitSeconds / seconds);
  say(
    `note: ${percent}% of that time was spent waiting for batches: more --workers or fewer changes of --augment may help`,
  );
}

function _explainStop(
  history: History,
  stepsPerEpoch: number,
  { maxTimeMs, epochs }: Recipe,
  say: (text: string) => void,
): void {
  if (history.stopped !== "max-time" || maxTimeMs === undefined) return;
  say(
    `stopped after ${
      formatDuration(maxTimeMs / 1000)
    } as asked, at step ${history.steps} of ${
      stepsPerEpoch * epochs
    }; test acc is of the weights at that step`,
  );
}
