/**
 * What `train` does when it is not told otherwise.
 *
 * @module
 */

import type { Precision } from "../nn/layer.ts";
import type { OptionValues } from "./options.ts";

/** Every choice of a training run. */
export interface Recipe {
  readonly model: "alexnet" | "lenet";
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: "sgd" | "adam";
  readonly learningRate: number;
  readonly schedule: NonNullable<OptionValues["schedule"]>;
  readonly warmupEpochs: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly clipNorm: number | undefined;
  /** Patience in epochs, or none. */
  readonly earlyStopping: number | undefined;
  readonly dropout: number;
  readonly imageSize: number;
  readonly seed: number;
  readonly precision: Precision;
  readonly trainSamples: number | undefined;
  readonly testSamples: number | undefined;
  readonly maxTimeMs: number | undefined;
}

const LECTURE = {
  epochs: 5,
  optimizer: "sgd" as const,
  schedule: "constant" as const,
  warmupEpochs: 0,
  momentum: 0,
  weightDecay: 0,
  clipNorm: undefined,
  earlyStopping: undefined,
  seed: 0,
  precision: "float32" as const,
  trainSamples: undefined,
  testSamples: undefined,
  maxTimeMs: undefined,
};

/** What Adam takes instead of SGD's values, as PyTorch does: it has no momentum of its own. */
const ADAM = { learningRate: 0.001, momentum: 0 };

/** The lecture's recipes, and ones that show learning within ten minutes on a slow adapter. */
const PRESETS: Record<"lecture" | "quick", Record<Recipe["model"], Recipe>> = {
  lecture: {
    alexnet: {
      ...LECTURE,
      model: "alexnet",
      batchSize: 128,
      learningRate: 0.01,
      dropout: 0.5,
      imageSize: 224,
    },
    lenet: {
      ...LECTURE,
      model: "lenet",
      batchSize: 256,
      learningRate: 0.9,
      dropout: 0,
      imageSize: 28,
    },
  },
  quick: {
    alexnet: {
      ...LECTURE,
      model: "alexnet",
      epochs: 1,
      batchSize: 16,
      learningRate: 0.01,
      momentum: 0.9,
      dropout: 0.5,
      imageSize: 224,
      testSamples: 500,
      maxTimeMs: 6 * 60_000,
    },
    lenet: {
      ...LECTURE,
      model: "lenet",
      epochs: 5,
      batchSize: 64,
      learningRate: 0.5,
      momentum: 0.5,
      dropout: 0,
      imageSize: 28,
      trainSamples: 10_000,
      maxTimeMs: 7 * 60_000,
    },
  },
};

/**
 * Completes the options of `train`.
 *
 * @param options The options that were given.
 * @returns Every choice: the given ones, and the others from the preset of the network.
 */
export function recipeOf(options: OptionValues): Recipe {
  const { preset = "lecture", model = "alexnet" } = options;
  const { optimizer = "sgd" } = options;
  const base = {
    ...PRESETS[preset][model],
    ...optimizer === "adam" && ADAM,
  };
  // The sample is smaller than what the quick recipe takes of the full data set.
  const isSample = options.source === "sample";
  return {
    model,
    epochs: options.epochs ?? base.epochs,
    batchSize: options["batch-size"] ?? base.batchSize,
    optimizer,
    learningRate: options["learning-rate"] ?? base.learningRate,
    schedule: options.schedule ?? base.schedule,
    warmupEpochs: options["warmup-epochs"] ?? base.warmupEpochs,
    momentum: options.momentum ?? base.momentum,
    weightDecay: options["weight-decay"] ?? base.weightDecay,
    clipNorm: options["clip-norm"] ?? base.clipNorm,
    earlyStopping: options["early-stopping"] ?? base.earlyStopping,
    dropout: options.dropout ?? base.dropout,
    imageSize: options.resize ?? base.imageSize,
    seed: options.seed ?? base.seed,
    precision: options.precision ?? base.precision,
    trainSamples: options["train-samples"] ??
      (isSample ? undefined : base.trainSamples),
    testSamples: options["test-samples"] ??
      (isSample ? undefined : base.testSamples),
    maxTimeMs: options["max-time"] ?? base.maxTimeMs,
  };
}
