/**
 * `train`: trains a network on Fashion-MNIST and prints the lecture's line for every epoch.
 *
 * @module
 */

import { type FashionMnist, loadFashionMnist } from "../data/fashion_mnist.ts";
import { type ModelConfig, saveCheckpoint } from "../io/checkpoint.ts";
import { initBackend } from "../kernels/init.ts";
import { requirePrecision } from "../nn/precision.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Callbacks } from "../train/callbacks.ts";
import { fit, type History } from "../train/fit.ts";
import { useTuned } from "../train/tune.ts";
import { augmentationOf } from "./augment.ts";
import { formatDevice, formatEpoch, formatLayers } from "./console.ts";
import { formatData } from "./data_summary.ts";
import { INTERRUPTED, listenForInterrupts } from "./interrupts.ts";
import { buildNetwork, checkNetwork } from "./network.ts";
import { optimizationOf } from "./optimization.ts";
import type { CommandLine, OptionValues } from "./options.ts";
import { checkWritable } from "./output_file.ts";
import { ProgressView } from "./progress.ts";
import { type Recipe, recipeOf } from "./recipe.ts";
import { howToResume, openRun, runOptions } from "./run.ts";
import {
  describeRecipe,
  estimateTime,
  explainSplit,
  explainStop,
  explainWait,
} from "./train_messages.ts";
import { tuneWith } from "./tune.ts";

/** Batches after which the speed is known well enough to estimate the time. */
const ESTIMATE_AFTER = 3;

/** Prints a line, if there is one, unless results alone are wanted. */
type _Say = (text: string | undefined) => void;

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 */
export async function train({ options: given }: CommandLine): Promise<number> {
  const options = await runOptions(given);
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
  const say: _Say = (text) =>
    options.quiet || text === undefined || console.log(text);
  const onWarning = (message: string) => console.error(`warning: ${message}`);
  try {
    const backend = await initBackend({ device: options.device, onWarning });
    requirePrecision(recipe.precision);
    using run = await openRun(options, { recipe, model: config, backend });
    const data = await run.undoIfItFails(() => _load(options, recipe, view));
    const net = buildNetwork(config, recipe);
    say(`device: ${formatDevice(backend)}`);
    for (const line of formatData(data.train.summary())) say(line);
    say(`\n${formatLayers(net.summary())}\n`);
    const stepsPerEpoch = data.train.numBatches;
    const changes = optimization.describe(stepsPerEpoch);
    say(`recipe: ${describeRecipe(recipe, changes, data)}`);
    say(run.explain());
    say(explainSplit(net, recipe.batchSize, backend));
    if (options.tune && backend.adapter === undefined) {
      say("note: there is nothing to tune without a WebGPU adapter");
    } else if (options.tune) {
      await tuneWith(net, recipe, say);
    } else {
      await useTuned({ onWarning });
    }
    using interrupts = await listenForInterrupts();
    const history = await fit(net, data.train, {
      epochs: recipe.epochs,
      precision: recipe.precision,
      optimizer: optimization.optimizer,
      schedule: optimization.scheduleOver(stepsPerEpoch),
      clipNorm: optimization.clipNorm,
      validation: data.test,
      measureTrain: options["measure-train"],
      maxTimeMs: recipe.maxTimeMs,
      logEvery: options["log-every"],
      signal: interrupts.signal,
      checkpoints: run.folder?.checkpoints,
      resume: run.folder?.state,
      callbacks: [
        _printer(recipe, view, say),
        ...optimization.callbacks,
        ...run.folder ? [run.folder.callbacks] : [],
      ],
    });
    view.end();
    return await _end(history, { options, recipe, net, data, config, say });
  } finally {
    view.stop();
  }
}

async function _load(
  options: OptionValues,
  recipe: Recipe,
  view: ProgressView,
): Promise<FashionMnist> {
  const { imageSize } = recipe;
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
  return data;
}

/** Shows how far training is, and prints a line per epoch. */
function _printer(recipe: Recipe, view: ProgressView, say: _Say): Callbacks {
  let isEstimated = false;
  return {
    onProgress(e) {
      if (!isEstimated && e.phase === "train" && e.batch >= ESTIMATE_AFTER) {
        isEstimated = true;
        view.print(estimateTime(e, recipe));
      }
      view.update(e);
    },
    onEpochEnd(e) {
      view.stop();
      view.epochEnd(e);
      console.log(formatEpoch(e));
      say(explainWait(e));
    },
  };
}

/** Says how the run ended, and saves the weights. */
async function _end(
  history: History,
  { options, recipe, net, data, config, say }: {
    options: OptionValues;
    recipe: Recipe;
    net: Sequential;
    data: FashionMnist;
    config: ModelConfig;
    say: _Say;
  },
): Promise<number> {
  const { steps, skippedSteps, stopped } = history;
  if (stopped === "aborted") {
    console.error(`interrupted after ${steps} steps: ${howToResume(options)}`);
    return INTERRUPTED;
  }
  say(explainStop(history, recipe, data.train.numBatches));
  if (skippedSteps > 0) {
    say(
      `note: ${skippedSteps} of ${steps} steps changed nothing, as gradients overflowed float16`,
    );
  }
  if (options.save !== undefined) {
    await saveCheckpoint(options.save, net, config);
    say(`saved ${options.save}`);
  }
  return 0;
}
