/**
 * What a command does when it is not told otherwise.
 *
 * @module
 */

import type { ModelName } from "../models/named.ts";
import { OPTION_NAMES, OPTIONS, type OptionValues, specOf } from "./options.ts";

/** Options that every run has a value of. */
type Settled =
  | "model"
  | "epochs"
  | "batch-size"
  | "optimizer"
  | "learning-rate"
  | "schedule"
  | "warmup-epochs"
  | "momentum"
  | "weight-decay"
  | "resize"
  | "seed"
  | "precision"
  | "source";

/** All options of a run: those that were given, and values of those that it cannot do without. */
export type Recipe = OptionValues & Required<Pick<OptionValues, Settled>>;

/** What a preset says; the table of options has the rest. */
type Preset =
  & OptionValues
  & Required<
    Pick<OptionValues, "epochs" | "batch-size" | "learning-rate" | "resize">
  >;

/** What the table of options says; a preset is no part of a recipe, as all that it stands for is. */
const DEFAULTS: OptionValues = Object.fromEntries(
  OPTION_NAMES.filter((name) => name !== "preset")
    .map((name) => [name, specOf(name).default] as const)
    .filter(([, value]) => value !== undefined),
);

/** What Adam takes instead of SGD's values, as PyTorch does: it has no momentum of its own. */
const ADAM: OptionValues = { "learning-rate": 0.001, momentum: 0 };

/** The lecture's recipes, and ones that show learning within ten minutes on a slow adapter. */
const PRESETS: Record<
  NonNullable<OptionValues["preset"]>,
  Record<ModelName, Preset>
> = {
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
export function recipeOf({ preset, ...options }: OptionValues): Recipe {
  const { model = OPTIONS.model.default, optimizer, source } = options;
  const usual: OptionValues = {
    ...DEFAULTS,
    ...PRESETS[preset ?? OPTIONS.preset.default][model],
    ...optimizer === "adam" && ADAM,
  };
  if (source === "sample") {
    // The sample is smaller than what the quick recipe takes of the full data set.
    delete usual["train-samples"];
    delete usual["test-samples"];
  }
  return { ...usual, ...options } as Recipe;
}
