/**
 * The commands: what each does and which options it has. Nothing here loads TensorFlow.js.
 *
 * @module
 */

import type { CommandLine, OptionName } from "./options.ts";

/** A command of the program. */
export interface Command {
  /** Arguments other than options, for the help. */
  readonly positional: string;
  /** What the command does, in one line. */
  readonly summary: string;
  /** Options of the command, in the order of the help. */
  readonly options: readonly OptionName[];
  /**
   * Does it.
   *
   * @param line The parsed command line.
   * @returns The exit code.
   */
  readonly run: (line: CommandLine) => Promise<number>;
}

const DATA_OPTIONS = ["source", "data-dir", "offline"] as const;
const COMMON_OPTIONS = ["verbose", "help"] as const;

/** Every command by its name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  train: {
    positional: "",
    summary:
      "Train a network on Fashion-MNIST; by default AlexNet, as in the lecture",
    options: [
      "model",
      "preset",
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
      "workers",
      "seed",
      "train-samples",
      "test-samples",
      "max-time",
      "precision",
      "device",
      "tune",
      "distributed",
      "compression",
      "sync-every",
      "rank-timeout",
      "measure-train",
      ...DATA_OPTIONS,
      "out",
      "resume",
      "checkpoint-every",
      "keep-checkpoints",
      "save",
      "log-every",
      "progress",
      "json",
      "quiet",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./train.ts")).train(line),
  },
  evaluate: {
    positional: "CHECKPOINT",
    summary:
      "Measure loss, accuracy and confusion of saved weights on the test images",
    options: [
      "batch-size",
      "test-samples",
      "device",
      ...DATA_OPTIONS,
      "progress",
      "quiet",
      "json",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./evaluate.ts")).evaluate(line),
  },
  report: {
    positional: "RUN",
    summary:
      "Write one HTML page about a run: curves, confusion matrix, worst mistakes, filters, configuration",
    options: [
      "output",
      "device",
      "data-dir",
      "offline",
      "progress",
      "quiet",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./report.ts")).report(line),
  },
  "lr-find": {
    positional: "",
    summary:
      "Try learning rates from 1e-7 to 10, a step each, and suggest one to train with",
    options: [
      "model",
      "preset",
      "batch-size",
      "optimizer",
      "momentum",
      "weight-decay",
      "dropout",
      "resize",
      "augment",
      "workers",
      "seed",
      "train-samples",
      "device",
      ...DATA_OPTIONS,
      "progress",
      "json",
      "quiet",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./lr_find.ts")).lrFind(line),
  },
  export: {
    positional: "CHECKPOINT",
    summary:
      "Write saved weights for PyTorch, TensorFlow.js, ONNX Runtime and others",
    options: ["format", "layout", "output", ...COMMON_OPTIONS],
    run: async (line) => (await import("./export.ts")).exportCheckpoint(line),
  },
  import: {
    positional: "FILE",
    summary: "Make a checkpoint of weights that another program wrote",
    options: ["format", "model", "resize", "output", ...COMMON_OPTIONS],
    run: async (line) => (await import("./import.ts")).importCheckpoint(line),
  },
  predict: {
    positional: "CHECKPOINT IMAGE...",
    summary:
      "Say what pictures show: PNG, JPEG or IDX files of any size, color or grey",
    options: [
      "top",
      "invert",
      "count",
      "batch-size",
      "device",
      "quiet",
      "json",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./predict.ts")).predict(line),
  },
  tune: {
    positional: "",
    summary:
      "Measure the kernels of a training step and remember the fastest for this adapter",
    options: [
      "model",
      "preset",
      "batch-size",
      "resize",
      "precision",
      "quiet",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./tune.ts")).tune(line),
  },
  summary: {
    positional: "",
    summary:
      "Print the layer table of a network, and where its batches are made",
    options: ["model", "resize", "augment", ...COMMON_OPTIONS],
    run: async (line) => (await import("./summary.ts")).summary(line),
  },
  data: {
    positional: "fetch|verify|show",
    summary:
      "Download the data set, check its files, or show a batch as the network sees it and write it as PNG (options from --split to --output: show only)",
    options: [
      ...DATA_OPTIONS,
      "split",
      "count",
      "batch-size",
      "batch",
      "at-epoch",
      "seed",
      "resize",
      "augment",
      "device",
      "output",
      "progress",
      ...COMMON_OPTIONS,
    ],
    run: async (line) => (await import("./data.ts")).data(line),
  },
  doctor: {
    positional: "",
    summary:
      "Print device, driver, limits, versions and data set, and what is wrong",
    options: [...DATA_OPTIONS, ...COMMON_OPTIONS],
    run: async (line) => (await import("./doctor.ts")).doctor(line),
  },
};
