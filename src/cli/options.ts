/**
 * Every option of every command. One entry of {@linkcode OPTIONS} says all that the program knows of an option.
 *
 * @module
 */

import { resolve } from "node:path";
import { MODEL_NAMES } from "../models/named.ts";
import { didYouMean, UsageError } from "./usage.ts";

/** The names of the commands, in the order in which the help lists them. */
export const EVERY_COMMAND = [
  "train",
  "evaluate",
  "report",
  "lr-find",
  "export",
  "import",
  "predict",
  "tune",
  "summary",
  "data",
  "doctor",
] as const;

/** A command of the program. */
export type CommandName = typeof EVERY_COMMAND[number];

/** How the value of an option is written. */
export interface Kind<T> {
  /** Stands for the value in the help; `undefined` for a switch, which has no value. */
  readonly placeholder: string | undefined;
  /** Turns text into a value; throws a {@linkcode UsageError} if it cannot. */
  parse(text: string, flag: string): T;
  /** What `config.json` has in place of the value; the value itself if there is no such function. */
  record?(value: T): unknown;
}

/**
 * What the folder of a run remembers of an option, and what `train --resume` does with it:
 *
 * - `fixed`: what the run computes. Remembered and used again; nobody may give another value.
 * - `kept`: how the run is computed and kept. Remembered and used again, unless another value is given.
 * - `noted`: about one call of the program. Written down, but not used again.
 * - `first`: about the beginning of a run. Written down, but nobody may give it to a run that goes on.
 */
export type Memory = "fixed" | "kept" | "noted" | "first";

/** All that is known of an option. */
export interface OptionSpec extends Kind<unknown> {
  /** What the option means, for the help. */
  readonly help: string;
  /** Commands that have the option; `data show` stands for this action of `data` alone. */
  readonly commands: readonly (CommandName | "data show")[];
  /** Options one of which must be given as well, as this one means nothing without. */
  readonly needs?: readonly ("distributed" | "out" | "resume")[];
  /** What `recipeOf` fills in if neither the command line nor the preset has a value. */
  readonly default?: unknown;
  /** What a run remembers; nothing if left out. */
  readonly memory?: Memory;
}

/** An option without a value. */
export function toggle(): Kind<boolean> {
  return { placeholder: undefined, parse: () => true };
}

/** Any text. */
export function text(placeholder: string): Kind<string> {
  return { placeholder, parse: (text) => text };
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    placeholder: words.join("|"),
    parse(text, flag) {
      const word = words.find((w) => w === text);
      if (word !== undefined) return word;
      const hint = ` (${didYouMean(text, words)})`;
      throw invalid(flag, text, `one of ${words.join(", ")}`, hint);
    },
  };
}

/** Some of a few words, with commas between. */
export function choices<const T extends string>(
  words: readonly T[],
): Kind<T[]> {
  const { parse } = choice(words);
  return {
    placeholder: words.join(","),
    parse: (text, flag) =>
      text.split(",").map((word) => parse(word.trim(), flag)),
  };
}

/** A finite number. */
export function number(): Kind<number> {
  return {
    placeholder: "X",
    parse(text, flag) {
      const value = Number(text);
      if (!Number.isFinite(value)) throw invalid(flag, text, "a number");
      return value;
    },
  };
}

/** An integer from `min` to `max`. */
export function integer(
  { min = 1, max = Infinity, placeholder = "N" }: {
    min?: number;
    max?: number;
    placeholder?: string;
  } = {},
): Kind<number> {
  return {
    placeholder,
    parse(text, flag) {
      const value = Number(text);
      if (Number.isSafeInteger(value) && value >= min && value <= max) {
        return value;
      }
      const range = max === Infinity
        ? `of at least ${min}`
        : `from ${min} to ${max}`;
      throw invalid(flag, text, `an integer ${range}`);
    },
  };
}

/** A number of workers, or "auto". */
export function workers(): Kind<number | "auto"> {
  const { parse } = integer({ min: 0, max: 256 });
  return {
    placeholder: "N|auto",
    parse: (text, flag) => text === "auto" ? text : parse(text, flag),
  };
}

/** A time such as 90s, 10m or 1h30m, in milliseconds. */
export function duration(): Kind<number> {
  return {
    placeholder: "TIME",
    parse(text, flag) {
      const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text);
      const [h, m, s] = (match ?? []).slice(1).map((n) => Number(n ?? 0));
      const ms = ((h * 60 + m) * 60 + s) * 1000;
      if (ms > 0) return ms;
      throw invalid(flag, text, "a time such as 90s, 10m or 1h30m");
    },
    record: (ms) => `${ms / 1000}s`,
  };
}

/** A folder, which `config.json` has from the root, as a run may go on in another working directory. */
function folder(): Kind<string> {
  return { ...text("DIR"), record: (path) => resolve(path) };
}

function invalid(
  flag: string,
  text: string,
  requirement: string,
  hint = "",
): UsageError {
  return new UsageError(
    `Cannot use ${flag} as it must be ${requirement}: current value is "${text}"${hint}`,
  );
}

/** Commands that read the data set. */
const READING = [
  "train",
  "evaluate",
  "report",
  "lr-find",
  "data",
  "doctor",
] as const;

/** Every option, by its name without dashes, in the order in which the help lists them. */
export const OPTIONS = {
  "model": {
    ...choice(MODEL_NAMES),
    help: "Which network",
    commands: ["train", "lr-find", "tune", "summary", "import", "doctor"],
    default: "alexnet",
    memory: "fixed",
  },
  "preset": {
    ...choice(["lecture", "quick"]),
    help:
      "Values of all options below that are not given: the lecture's, or some that show learning within ten minutes on a slow adapter",
    commands: ["train", "lr-find", "tune"],
    default: "lecture",
    memory: "first",
  },
  "epochs": {
    ...integer(),
    help: "Times through the training images",
    commands: ["train"],
    // Which schedules allow another number, `resumeOptions` knows.
    memory: "kept",
  },
  "batch-size": {
    ...integer(),
    help: "Images per step",
    commands: [
      "train",
      "evaluate",
      "lr-find",
      "predict",
      "tune",
      "data show",
      "doctor",
    ],
    memory: "fixed",
  },
  "optimizer": {
    ...choice(["sgd", "adam"]),
    help:
      "How gradients change weights: SGD, or Adam, whose step size is 0.001 if not given",
    commands: ["train", "lr-find"],
    default: "sgd",
    memory: "fixed",
  },
  "learning-rate": {
    ...number(),
    help: "Step size, above 0",
    commands: ["train"],
    memory: "fixed",
  },
  "schedule": {
    ...choice(["constant", "step", "cosine", "one-cycle", "plateau"]),
    help:
      "How the step size changes. constant: never; step: to a tenth after each third of the run; cosine: down to 0; one-cycle: up to the given one, then down to almost 0; plateau: to a tenth when the test loss has not fallen for 2 epochs",
    commands: ["train"],
    default: "constant",
    memory: "fixed",
  },
  "warmup-epochs": {
    ...number(),
    help:
      "Epochs at the start, or a part of one, in which the step size rises from a third to all of it",
    commands: ["train"],
    default: 0,
    memory: "fixed",
  },
  "momentum": {
    ...number(),
    help: "Momentum of SGD, in [0, 1)",
    commands: ["train", "lr-find"],
    default: 0,
    memory: "fixed",
  },
  "weight-decay": {
    ...number(),
    help: "Weight decay, at least 0",
    commands: ["train", "lr-find"],
    default: 0,
    memory: "fixed",
  },
  "clip-norm": {
    ...number(),
    help:
      "Scale the gradients of a step down if their norm, taken over all of them, is larger than this",
    commands: ["train"],
    memory: "fixed",
  },
  "early-stopping": {
    ...integer(),
    help: "Stop when the test loss has not fallen for N epochs",
    commands: ["train"],
    memory: "fixed",
  },
  "dropout": {
    ...number(),
    help: "Dropout rate of AlexNet, in [0, 1)",
    commands: ["train", "lr-find"],
    memory: "fixed",
  },
  "resize": {
    ...integer({ max: 1024, placeholder: "PIXELS" }),
    help: "Height and width of the images",
    commands: ["train", "lr-find", "tune", "summary", "import", "data show"],
    memory: "fixed",
  },
  "augment": {
    ...choices(["crop", "flip", "erase"]),
    help:
      "Random changes of training images: one or more of these, with commas between",
    commands: ["train", "lr-find", "summary", "data show"],
    memory: "fixed",
  },
  "workers": {
    ...workers(),
    help:
      "Workers that make batches where the device cannot; auto: at most one less than there are cores",
    commands: ["train", "lr-find"],
    memory: "kept",
  },
  "seed": {
    ...integer({ min: 0 }),
    help: "Seed of weights, order and dropout, 0 to 4294967295",
    commands: ["train", "lr-find", "data show"],
    default: 0,
    memory: "fixed",
  },
  "train-samples": {
    ...integer(),
    help: "Use the first N training images only",
    commands: ["train", "lr-find"],
    memory: "fixed",
  },
  "test-samples": {
    ...integer(),
    help: "Use the first N test images only",
    commands: ["train", "evaluate"],
    memory: "fixed",
  },
  "max-time": {
    ...duration(),
    help: "Stop training after e.g. 90s, 10m or 1h30m and evaluate",
    commands: ["train"],
    memory: "noted",
  },
  "precision": {
    ...choice(["float32", "float16"]),
    help:
      "How activations are stored. float16 saves memory and needs an adapter with shader-f16; weights stay in float32",
    commands: ["train", "tune", "doctor"],
    default: "float32",
    memory: "fixed",
  },
  "device": {
    ...choice(["auto", "webgpu", "cpu"]),
    help:
      "What to compute on; auto: a GPU or, without one, the CPU with oneDNN",
    commands: [
      "train",
      "evaluate",
      "report",
      "lr-find",
      "predict",
      "data show",
      "doctor",
    ],
    memory: "kept",
  },
  "kernels": {
    ...toggle(),
    help:
      "Instead, run a training step on WebGPU and list its operations: the way that computes each, its other ways, its time if it was tuned, and its shaders",
    commands: ["doctor"],
  },
  "shader": {
    ...text("TEXT"),
    help:
      "Instead, print the WGSL of those shaders of that step whose names have TEXT",
    commands: ["doctor"],
  },
  "tune": {
    ...toggle(),
    help:
      "First measure which kernels are fastest on this adapter, and remember them; takes minutes on a slow one",
    commands: ["train"],
    memory: "first",
  },
  "distributed": {
    ...toggle(),
    help:
      "Train together with the other processes that mpirun (or srun) started; each computes its part of every batch",
    commands: ["train"],
  },
  "compression": {
    ...choice(["none", "float16"]),
    help:
      "With --distributed: float16 sends gradients in half the bytes, and sends later what rounding has left out",
    commands: ["train"],
    needs: ["distributed"],
    memory: "fixed",
  },
  "sync-every": {
    ...integer(),
    help:
      "With --distributed: average the weights every N steps, instead of the gradients at every step",
    commands: ["train"],
    needs: ["distributed"],
    memory: "fixed",
  },
  "rank-timeout": {
    ...duration(),
    help:
      "With --distributed: how long a process may be silent before all of them end; 30s if not given",
    commands: ["train"],
    needs: ["distributed"],
  },
  "measure-train": {
    ...toggle(),
    help:
      "After each epoch, also measure the accuracy on the training images with dropout off",
    commands: ["train"],
    memory: "fixed",
  },
  "source": {
    ...choice(["full", "sample"]),
    help: "The full data set, or the sample that comes with this package",
    commands: ["train", "evaluate", "lr-find", "data", "doctor"],
    default: "full",
    memory: "fixed",
  },
  "data-dir": {
    ...folder(),
    help: "The only folder to look for the data set and to download it to",
    commands: READING,
    memory: "kept",
  },
  "offline": {
    ...toggle(),
    help: "Never use the network",
    commands: READING,
    memory: "kept",
  },
  "split": {
    ...choice(["train", "test"]),
    help: "Which images to show",
    commands: ["data show"],
  },
  "batch": {
    ...integer(),
    help: "Which batch to show, from 1",
    commands: ["data show"],
  },
  "at-epoch": {
    ...integer({ max: 2 ** 32 }),
    help:
      "Which epoch's order to show, from 1; without it, the order of the data set",
    commands: ["data show"],
  },
  "count": {
    ...integer(),
    help:
      "How many images of the batch to show, or of each IDX file to classify",
    commands: ["predict", "data show"],
  },
  "top": {
    ...integer(),
    help: "How many of the most likely classes to print; 3 if not given",
    commands: ["predict"],
  },
  "invert": {
    ...toggle(),
    help:
      "First exchange light and dark: for photographs on a light background, as the images of the data set are light on dark",
    commands: ["predict"],
  },
  "format": {
    ...choice(["safetensors", "tfjs", "onnx"]),
    help: "Format to export to or to import from (onnx: export only)",
    commands: ["export", "import"],
  },
  "layout": {
    ...choice(["keras", "pytorch"]),
    help:
      "Names and layouts of the tensors in safetensors: as here, or of a PyTorch state_dict",
    commands: ["export"],
  },
  "output": {
    ...text("PATH"),
    help:
      "Where to write: a file, but for tfjs a new folder; report: RUN/report.html if not given; data show: a PNG file, fashion-mnist-train.png or -test.png if not given",
    commands: ["report", "export", "import", "data show"],
  },
  "out": {
    ...text("RUN"),
    help:
      "Keep the run in the folder RUN: configuration, metrics, TensorBoard events, and checkpoints to go on from",
    commands: ["train"],
  },
  "resume": {
    ...text("RUN"),
    help:
      "Go on with the run in the folder RUN, exactly from where its last checkpoint was written",
    commands: ["train"],
  },
  "checkpoint-every": {
    ...integer(),
    help:
      "Write a checkpoint every N steps, and always at the end of each epoch and of the run",
    commands: ["train"],
    needs: ["out", "resume"],
    memory: "kept",
  },
  "keep-checkpoints": {
    ...integer(),
    help: "Keep the last N checkpoints (1 if not given) and the best one",
    commands: ["train"],
    needs: ["out", "resume"],
    memory: "kept",
  },
  "save": {
    ...text("FILE"),
    help: "Write the trained weights to FILE, in the safetensors format",
    commands: ["train"],
  },
  "log-every": {
    ...integer(),
    help: "Print loss, accuracy and speed every N steps",
    commands: ["train"],
  },
  "progress": {
    ...toggle(),
    help:
      "Draw a progress bar where there is a terminal (default); --no-progress: never",
    commands: ["train", "evaluate", "report", "lr-find", "data"],
  },
  "json": {
    ...toggle(),
    help: "Print JSON, one object a line and nothing else on standard output",
    commands: ["train", "evaluate", "lr-find", "predict"],
  },
  "quiet": {
    ...toggle(),
    help: "Print results only",
    commands: ["train", "evaluate", "report", "lr-find", "predict", "tune"],
  },
  "verbose": {
    ...toggle(),
    help: "Print the stack trace of an error",
    commands: EVERY_COMMAND,
  },
  "help": {
    ...toggle(),
    help: "Print this help",
    commands: EVERY_COMMAND,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Name of an option, without dashes. */
export type OptionName = keyof typeof OPTIONS;

/** Values of options by name; one that was not given is absent. */
export type OptionValues = {
  [Name in OptionName]?: ReturnType<typeof OPTIONS[Name]["parse"]>;
};

/** The names of all options. */
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** What is known of an option by its name. */
export function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** How an option is written, such as "--epochs N". */
export function flagOf(name: OptionName): string {
  const { placeholder } = specOf(name);
  return placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`;
}

/** The options of a command, in the order of the help; `data` has those of `data show`, too. */
export function optionsOf(command: CommandName): OptionName[] {
  return OPTION_NAMES.filter((name) =>
    specOf(name).commands.some((c) => c.split(" ")[0] === command)
  );
}
