/** What a run does: its options, completed where they are not given, and the optimizer and learning rates that they name. */

import type { ModelName } from "../models/named.ts";
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
  reduceOnPlateau,
} from "../train/plateau.ts";
import {
  OPTION_NAMES,
  type OptionValues,
  specOf,
  UsageError,
} from "./options.ts";

/** What each preset says, and what it may say besides. */
type Preset =
  & OptionValues
  & Required<
    Pick<OptionValues, "epochs" | "batch-size" | "learning-rate" | "resize">
  >;

/** What the table of options says of options that are not given. */
type Defaults = Required<
  Pick<
    OptionValues,
    | "model"
    | "preset"
    | "optimizer"
    | "schedule"
    | "warmup-epochs"
    | "momentum"
    | "weight-decay"
    | "seed"
    | "precision"
    | "source"
  >
>;

/** All options of a run: those that were given, and values of those that it cannot do without. */
export type Recipe = Preset & Omit<Defaults, "preset">;

const DEFAULTS = Object.fromEntries(
  OPTION_NAMES.map((name) => [name, specOf(name).default])
    .filter(([, value]) => value !== undefined),
) as Defaults;

/** What Adam takes instead of SGD's values, as PyTorch does: it has no momentum of its own. */
const ADAM: OptionValues = { "learning-rate": 0.001, momentum: 0 };

/** The lecture's recipes, and ones that show learning within ten minutes on a slow adapter. */
const PRESETS: Record<Defaults["preset"], Record<ModelName, Preset>> = {
  lecture: {
    alexnet: {
      "epochs": 5,
      "batch-size": 128,
      "learning-rate": 0.01,
      "dropout": 0.5,
      "resize": 224,
    },
    lenet: {
      "epochs": 5,
      "batch-size": 256,
      "learning-rate": 0.9,
      "resize": 28,
    },
  },
  quick: {
    alexnet: {
      "epochs": 1,
      "batch-size": 16,
      "learning-rate": 0.01,
      "momentum": 0.9,
      "dropout": 0.5,
      "resize": 224,
      "test-samples": 500,
      "max-time": 6 * 60_000,
    },
    lenet: {
      "epochs": 5,
      "batch-size": 64,
      "learning-rate": 0.5,
      "momentum": 0.5,
      "resize": 28,
      "train-samples": 10_000,
      "max-time": 7 * 60_000,
    },
  },
};

/** Completes options: by the preset of the network, then by the table of options. */
export function recipeOf(given: OptionValues): Recipe {
  const { preset, model, optimizer, source } = { ...DEFAULTS, ...given };
  const usual: Preset = {
    ...PRESETS[preset][model],
    ...optimizer === "adam" && ADAM,
  };
  if (source === "sample") {
    // The sample has fewer images than the quick recipes take of the full data set.
    delete usual["train-samples"];
    delete usual["test-samples"];
  }
  const { preset: _, ...recipe } = { ...DEFAULTS, ...usual, ...given };
  return recipe;
}

/** Falls of the learning rate over a run with `--schedule step`. */
const NUM_FALLS = 3;

/** Epochs without a lower test loss that `--schedule plateau` lets pass. */
const PLATEAU_PATIENCE = 1;

/** Why two schedules have no `--warmup-epochs`. */
const NO_WARMUP: Partial<Record<Recipe["schedule"], string>> = {
  "one-cycle": "warms up by itself: leave it out",
  "plateau":
    "changes the learning rate between epochs only: leave one of them out",
};

/** How a run changes its weights, and when that ends. */
interface Optimization {
  readonly optimizer: Optimizer;
  /** Ends training early, if that is asked for, and says why. */
  readonly stopping: EarlyStopping | undefined;
  /** `stopping`, and what lowers the learning rate on a plateau. */
  readonly callbacks: readonly Callbacks[];
  /** The learning rate of each step; `undefined` if it stays, or changes with the test loss alone. */
  scheduleOver(stepsPerEpoch: number): Schedule | undefined;
  /** Describes all of it, such as "SGD, learning rate 0.1, cosine from 0.1 to 0 over 1875 steps, gradients clipped to norm 1". */
  describe(stepsPerEpoch: number): string;
}

/**
 * Finds out how weights change; throws a {@linkcode UsageError} if two options do not go together, an `OptionError` if one is
 * out of its range.
 */
export function optimizationOf(recipe: Recipe): Optimization {
  const { schedule, "clip-norm": clipNorm, "early-stopping": patience } =
    recipe;
  if (clipNorm !== undefined) requireNumber("clipNorm", clipNorm, { above: 0 });
  const optimizer = optimizerOf(recipe);
  const stopping = patience === undefined
    ? undefined
    : earlyStopping({ patience });
  const plateau = schedule === "plateau"
    ? reduceOnPlateau({ patience: PLATEAU_PATIENCE })
    : undefined;
  const scheduleOver = (steps: number) => scheduleOf(recipe, steps);
  // Refuses wrong values now, not only when there is data.
  scheduleOver(1);
  return {
    optimizer,
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

function scheduleOf(
  recipe: Recipe,
  stepsPerEpoch: number,
): Schedule | undefined {
  const { schedule, epochs, "learning-rate": learningRate } = recipe;
  const warmupEpochs = recipe["warmup-epochs"];
  requireNumber("warmupEpochs", warmupEpochs, { min: 0, max: epochs });
  if (warmupEpochs > 0 && schedule in NO_WARMUP) {
    throw new UsageError(
      `Cannot use --warmup-epochs with --schedule ${schedule}, which ${
        NO_WARMUP[schedule]
      }`,
    );
  }
  const steps = epochs * stepsPerEpoch;
  const made = {
    "constant": () => constantRate({ learningRate }),
    "step": () =>
      stepRate({ learningRate, stepSize: Math.ceil(steps / NUM_FALLS) }),
    "cosine": () => cosineRate({ learningRate, steps }),
    "one-cycle": () => oneCycleRate({ learningRate, steps }),
    "plateau": () => undefined,
  }[schedule]();
  if (made === undefined) return;
  if (warmupEpochs === 0) return schedule === "constant" ? undefined : made;
  const warmupSteps = Math.max(Math.round(warmupEpochs * stepsPerEpoch), 1);
  return warmup(made, { steps: warmupSteps });
}
