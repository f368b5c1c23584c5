/**
 * The options of a run that its folder remembers, so that a run that goes on needs none of them again.
 *
 * @module
 */

import { resolve } from "node:path";
import { DataError } from "../errors.ts";
import type { RunConfig } from "../runs/records.ts";
import { UsageError } from "./option_kinds.ts";
import { type OptionName, type OptionValues, parseOptions } from "./options.ts";
import type { Recipe } from "./recipe.ts";

/** Options that decide what a run computes. */
const FIXED = [
  "model",
  "epochs",
  "batch-size",
  "optimizer",
  "learning-rate",
  "schedule",
  "warmup-epochs",
  "momentum",
  "weight-decay",
  "clip-norm",
  "early-stopping",
  "dropout",
  "resize",
  "augment",
  "seed",
  "train-samples",
  "test-samples",
  "precision",
  "compression",
  "sync-every",
  "source",
  "measure-train",
] as const satisfies readonly OptionName[];

/** Options that say how it is computed and kept: a run that goes on may be given others. */
const KEPT = [
  "device",
  "workers",
  "data-dir",
  "offline",
  "checkpoint-every",
  "keep-checkpoints",
] as const satisfies readonly OptionName[];

/** Options of one call of the program, which are remembered, but not for a run that goes on. */
const OF_A_CALL = ["max-time", "tune"] as const satisfies readonly OptionName[];

/** What of those that decide what a run computes may be given anew. */
const CHANGEABLE: readonly string[] = ["epochs"];

/** Schedules that do not depend on the number of epochs. */
const AT_ANY_LENGTH: readonly string[] = ["constant", "plateau"];

/** Options that say where to begin, not what to compute. */
const OF_A_START: readonly string[] = ["preset", "tune"];

/**
 * Leaves out what makes a process print or write: for those that train together with one that does.
 *
 * @param options All options.
 * @returns The others.
 */
export function withoutOutput(options: OptionValues): OptionValues {
  const { out: _, resume: __, save: ___, ...others } = options;
  return { ...others, json: false, quiet: true };
}

/**
 * Lists the options of a run.
 *
 * @param recipe Every choice.
 * @param options The options of the command line.
 * @returns Values by the names of options.
 */
export function recordOptions(
  recipe: Recipe,
  options: OptionValues,
): RunConfig["recipe"] {
  const all: OptionValues = {
    ...options,
    model: recipe.model,
    epochs: recipe.epochs,
    "batch-size": recipe.batchSize,
    optimizer: recipe.optimizer,
    "learning-rate": recipe.learningRate,
    schedule: recipe.schedule,
    "warmup-epochs": recipe.warmupEpochs,
    momentum: recipe.momentum,
    "weight-decay": recipe.weightDecay,
    "clip-norm": recipe.clipNorm,
    "early-stopping": recipe.earlyStopping,
    dropout: recipe.model === "alexnet" ? recipe.dropout : undefined,
    resize: recipe.imageSize,
    seed: recipe.seed,
    "train-samples": recipe.trainSamples,
    "test-samples": recipe.testSamples,
    precision: recipe.precision,
    source: options.source ?? "full",
    // The run may go on in another working directory.
    "data-dir": options["data-dir"] && resolve(options["data-dir"]),
  };
  const { maxTimeMs } = recipe;
  const names = [...FIXED, ...KEPT, ...OF_A_CALL];
  return {
    ...Object.fromEntries(
      names.filter((name) => all[name] !== undefined)
        .map((name) => [name, all[name]]),
    ),
    ...maxTimeMs && { "max-time": `${maxTimeMs / 1000}s` },
  };
}

/**
 * Completes the options of a run that goes on.
 *
 * @param config The configuration of the run.
 * @param given The options of the command line.
 * @param path The run folder, for errors.
 * @returns The options of the run, as if all of them had been given.
 * @throws {UsageError} If one is given that cannot change.
 * @throws {DataError} If the configuration says what no option can be.
 */
export function resumeOptions(
  config: RunConfig,
  given: OptionValues,
  path: string,
): OptionValues {
  const fixed = Object.keys(given).find((name) =>
    OF_A_START.includes(name) ||
    (FIXED as readonly string[]).includes(name) && !CHANGEABLE.includes(name)
  );
  if (fixed !== undefined) {
    throw new UsageError(
      `Cannot use --${fixed} with --resume, as ${path} goes on as it began: leave it out`,
    );
  }
  const begun = _reparse(config, path);
  const { schedule = "constant", epochs } = begun;
  if (
    given.epochs !== undefined && given.epochs !== epochs &&
    !AT_ANY_LENGTH.includes(schedule)
  ) {
    throw new UsageError(
      `Cannot use --epochs ${given.epochs} with --resume, as the ${schedule} schedule of ${path} ends with its ${epochs} epochs: leave it out`,
    );
  }
  return { ...begun, ...given };
}

/** The configuration is a file that anybody can change: its values are checked as those of a command line are. */
function _reparse({ recipe }: RunConfig, path: string): OptionValues {
  const args = Object.entries(recipe)
    .filter(([name]) => !(OF_A_CALL as readonly string[]).includes(name))
    .map(([name, value]) =>
      value === true ? `--${name}` : `--${name}=${_textOf(value)}`
    );
  try {
    return parseOptions(args, [...FIXED, ...KEPT]).options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new DataError(
      path,
      `Cannot go on with ${path} as its config.json is damaged: ${error.message}`,
    );
  }
}

/** As a command line has it: lists with commas, and of whatever is no option something that none can be. */
function _textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(_textOf).join(",");
  return typeof value === "object" ? JSON.stringify(value) : `${value}`;
}
