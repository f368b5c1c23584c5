/**
 * How a training run changes its weights, as the options say: optimizer, learning rates, and when it ends.
 *
 * @module
 */

import { adam } from "../optim/adam.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import {
  constantRate,
  cosineRate,
  oneCycleRate,
  type Schedule,
  stepRate,
  warmup,
} from "../optim/schedule.ts";
import { sgd } from "../optim/sgd.ts";
import { requireNumber } from "../options.ts";
import type { Callbacks } from "../train/callbacks.ts";
import {
  type EarlyStopping,
  earlyStopping,
  type ReduceOnPlateau,
  reduceOnPlateau,
} from "../train/plateau.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError } from "./usage.ts";

/** Falls of the learning rate over a run with `--schedule step`. */
const PARTS = 3;

/** Epochs without a lower test loss that `--schedule plateau` lets pass. */
const PLATEAU_PATIENCE = 1;

/** What `fit` is to be given. */
export interface Optimization {
  /** Turns gradients into new weights. */
  readonly optimizer: Optimizer;
  /** Largest norm of gradients, if any. */
  readonly clipNorm: number | undefined;
  /** Ends training early, if asked to, and says why. */
  readonly stopping: EarlyStopping | undefined;
  /** Callbacks: `stopping`, and what lowers the learning rate on a plateau. */
  readonly callbacks: readonly Callbacks[];
  /** The learning rate of each step, once the steps of an epoch are known; `undefined` if the rate stays, or changes with the test loss alone. */
  scheduleOver(stepsPerEpoch: number): Schedule | undefined;
  /** Describes all of it, such as "SGD, learning rate 0.1, cosine from 0.1 to 0 over 1875 steps, gradients clipped to norm 1". */
  describe(stepsPerEpoch: number): string;
}

/**
 * Finds out how weights change; throws a {@linkcode UsageError} if two choices do not go together, an `OptionError` if one is
 * out of its range.
 */
export function optimizationOf(recipe: Recipe): Optimization {
  check(recipe);
  const { "clip-norm": clipNorm, "early-stopping": patience } = recipe;
  const optimizer = optimizerOf(recipe);
  const stopping = patience === undefined
    ? undefined
    : earlyStopping({ patience });
  const plateau: ReduceOnPlateau | undefined = recipe.schedule === "plateau"
    ? reduceOnPlateau({ patience: PLATEAU_PATIENCE })
    : undefined;
  const scheduleOver = (steps: number) => scheduleOf(recipe, steps);
  // Refuses wrong values now, not only when there is data.
  scheduleOver(1);
  return {
    optimizer,
    clipNorm,
    stopping,
    callbacks: [plateau, stopping].filter((c) => c !== undefined),
    scheduleOver,
    describe: (stepsPerEpoch) =>
      [
        optimizer.description,
        scheduleOver(stepsPerEpoch)?.description,
        plateau?.description,
        clipNorm && `gradients clipped to norm ${clipNorm}`,
        stopping?.description,
      ].filter(Boolean).join(", "),
  };
}

/** Makes the optimizer; throws a {@linkcode UsageError} if it is given a momentum that it does not have. */
export function optimizerOf(recipe: Recipe): Optimizer {
  const { optimizer, momentum } = recipe;
  const learningRate = recipe["learning-rate"];
  const weightDecay = recipe["weight-decay"];
  if (optimizer === "sgd") return sgd({ learningRate, momentum, weightDecay });
  if (momentum !== 0) {
    throw new UsageError(
      "Cannot use --momentum with --optimizer adam, which has moments of its own: leave it out",
    );
  }
  return adam({ learningRate, weightDecay });
}

function check(recipe: Recipe): void {
  const { schedule, epochs, "clip-norm": clipNorm } = recipe;
  const warmupEpochs = recipe["warmup-epochs"];
  requireNumber("warmupEpochs", warmupEpochs, { min: 0, max: epochs });
  if (clipNorm !== undefined) requireNumber("clipNorm", clipNorm, { above: 0 });
  if (warmupEpochs === 0) return;
  if (schedule === "one-cycle") {
    throw new UsageError(
      "Cannot use --warmup-epochs with --schedule one-cycle, which warms up by itself: leave it out",
    );
  }
  if (schedule === "plateau") {
    throw new UsageError(
      "Cannot use --warmup-epochs with --schedule plateau, which changes the step size between epochs only: leave one of them out",
    );
  }
}

function scheduleOf(
  recipe: Recipe,
  stepsPerEpoch: number,
): Schedule | undefined {
  const { schedule, epochs, "learning-rate": learningRate } = recipe;
  const warmupEpochs = recipe["warmup-epochs"];
  const steps = epochs * stepsPerEpoch;
  const made = {
    "constant": () => constantRate({ learningRate }),
    "step": () =>
      stepRate({ learningRate, stepSize: Math.ceil(steps / PARTS) }),
    "cosine": () => cosineRate({ learningRate, steps }),
    "one-cycle": () => oneCycleRate({ learningRate, steps }),
    "plateau": () => undefined,
  }[schedule]();
  if (made === undefined) return;
  if (warmupEpochs === 0) return schedule === "constant" ? undefined : made;
  const warmupSteps = Math.max(Math.round(warmupEpochs * stepsPerEpoch), 1);
  return warmup(made, { steps: warmupSteps });
}
