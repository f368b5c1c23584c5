/** `lr-find`: tries learning rates and suggests one to train with. */

import { TrainingError } from "../../errors.ts";
import { findLearningRate } from "../../train/lr_finder.ts";
import type { CommandLine } from "../command_line.ts";
import {
  buildNetwork,
  checkNetwork,
  configOf,
  loadData,
  openTuned,
} from "../ingredients.ts";
import { optimizerOf, recipeOf } from "../recipe.ts";
import { formatDevice } from "../terminal/console.ts";
import { drawLossCurve } from "../terminal/curve.ts";
import { ProgressView } from "../terminal/progress.ts";

/** The first learning rate, the last one, and how many are tried, as fastai has it. */
const SWEEP = { start: 1e-7, end: 10, steps: 100 };

/** Steps after which progress is printed, each time. */
const PRINT_EVERY = 10;

/** Runs the command; returns the exit code. */
export async function lrFind({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, resize, seed, "batch-size": batchSize } = recipe;
  checkNetwork(recipe);
  const optimizer = ({ learningRate }: { learningRate: number }) =>
    optimizerOf({ ...recipe, "learning-rate": learningRate });
  const description = optimizer({ learningRate: SWEEP.start }).description
    .replace(`, learning rate ${SWEEP.start}`, "");
  const quiet = options.quiet || options.json;
  const say = (text: string) => quiet || console.log(text);
  using view = new ProgressView({ ...options, quiet });
  const { train } = await loadData(recipe, view);
  const backend = await openTuned(options.device);
  const net = buildNetwork(configOf(recipe), recipe);
  say(`device: ${formatDevice(backend)}`);
  say(
    `trying up to ${SWEEP.steps} learning rates from ${SWEEP.start} to ${SWEEP.end}: ${model} at ${resize}x${resize}, batch size ${batchSize}, ${description}, seed ${seed}\n`,
  );
  const curve = await findLearningRate(net, train, {
    ...SWEEP,
    optimizer,
    onStep({ step, learningRate, smoothedLoss }) {
      const done = step + 1;
      if (done % PRINT_EVERY !== 0) return;
      const rate = short(learningRate);
      view.print(
        `step ${done} of ${SWEEP.steps}, learning rate ${rate}, loss ${
          smoothedLoss.toFixed(4)
        }`,
      );
    },
  });
  const { points, suggestions } = curve;
  if (options.json) {
    console.log(
      JSON.stringify({ ...curve, suggestions: suggestions ?? null }),
    );
  }
  if (suggestions === undefined) {
    throw new TrainingError(
      `Cannot suggest a learning rate as the loss diverged after ${points.length} steps: check that all labels are in [0, classes), or try another --seed`,
      { epoch: 1, step: points.length },
    );
  }
  if (options.json) return 0;
  // The first losses are left out: they are means of few batches, which differ as much as all later ones.
  say(drawLossCurve(points.slice(PRINT_EVERY)));
  const { valley, steepest, minimum } = suggestions;
  console.log(`\
valley      ${short(valley)}  in the middle of the longest fall
steepest    ${short(steepest)}  where the loss falls fastest
minimum/10  ${short(minimum)}  a tenth of where the loss is smallest
train with --learning-rate ${short(valley)}`);
  return 0;
}

/** Two digits, which is more than such a curve can tell. */
function short(learningRate: number): string {
  return learningRate.toExponential(1);
}
