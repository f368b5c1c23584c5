/**
 * `lr-find`: tries learning rates and suggests one to train with.
 *
 * @module
 */

import { TrainingError } from "../errors.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { initBackend } from "../device/open.ts";
import {
  findLearningRate,
  type LearningRatePoint,
  type LearningRateSuggestions,
} from "../train/lr_finder.ts";
import { useTuned } from "../train/tune.ts";
import { formatDevice } from "./console.ts";
import { loadData } from "./load_data.ts";
import { drawLossCurve } from "./lr_curve.ts";
import { buildNetwork, checkNetwork } from "./network.ts";
import { optimizerOf } from "./optimization.ts";
import type { CommandLine } from "./options.ts";
import { ProgressView } from "./progress.ts";
import { recipeOf } from "./recipe.ts";

/** The first learning rate, the last one, and how many are tried, as fastai has it. */
const SWEEP = { start: 1e-7, end: 10, steps: 100 };

/** Steps after which progress is printed, each time. */
const PRINT_EVERY = 10;

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 */
export async function lrFind({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, imageSize } = recipe;
  const config: ModelConfig = { model, imageSize, classes: 10 };
  checkNetwork(config, options);
  const { description } = optimizerOf({ ...recipe, learningRate: SWEEP.start });
  const isQuiet = options.quiet || options.json;
  const say = (text: string) => isQuiet || console.log(text);
  const view = new ProgressView({
    noBars: options.progress === false,
    quiet: isQuiet,
  });
  const onWarning = (message: string) => console.error(`warning: ${message}`);
  try {
    const { train } = await loadData(options, recipe, view);
    const backend = await initBackend({ device: options.device, onWarning });
    const net = buildNetwork(config, recipe);
    await useTuned({ onWarning });
    say(`device: ${formatDevice(backend)}`);
    say(
      `trying up to ${SWEEP.steps} learning rates from ${SWEEP.start} to ${SWEEP.end}: ${model} at ${imageSize}x${imageSize}, batch size ${recipe.batchSize}, ${
        description.replace(`, learning rate ${SWEEP.start}`, "")
      }, seed ${recipe.seed}\n`,
    );
    const curve = await findLearningRate(net, train, {
      ...SWEEP,
      optimizer: ({ learningRate }) => optimizerOf({ ...recipe, learningRate }),
      onStep(point) {
        const done = point.step + 1;
        if (done % PRINT_EVERY === 0) view.print(_progress(done, point));
      },
    });
    const { points, suggestions } = curve;
    if (options.json) {
      const all = { ...curve, suggestions: suggestions ?? null };
      console.log(JSON.stringify(all));
    }
    if (suggestions === undefined) {
      throw new TrainingError(
        `Cannot suggest a learning rate as the loss diverged after ${points.length} steps: check that all labels are in [0, classes), or try another --seed`,
        { epoch: 1, step: points.length },
      );
    }
    if (options.json) return 0;
    // The first losses are of single batches, as far apart as all the others are together.
    say(drawLossCurve(points.slice(PRINT_EVERY)));
    console.log(_formatSuggestions(suggestions));
    return 0;
  } finally {
    view.stop();
  }
}

function _progress(
  done: number,
  { learningRate, smoothedLoss }: LearningRatePoint,
): string {
  return `step ${done} of ${SWEEP.steps}, learning rate ${
    _short(learningRate)
  }, loss ${smoothedLoss.toFixed(4)}`;
}

/** A line for each, and one that says how to use the first. */
function _formatSuggestions(
  { valley, steepest, minimum }: LearningRateSuggestions,
): string {
  return [
    `valley      ${_short(valley)}  in the middle of the longest fall`,
    `steepest    ${_short(steepest)}  where the loss falls fastest`,
    `minimum/10  ${_short(minimum)}  a tenth of where the loss is smallest`,
    `train with --learning-rate ${_short(valley)}`,
  ].join("\n");
}

/** Two digits, which is more than such a curve can tell. */
function _short(learningRate: number): string {
  return learningRate.toExponential(1);
}
