/**
 * The command-line options: what each means, what it may be, and how it is parsed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { AUGMENTATION_NAMES } from "./augment.ts";
import {
  choice,
  choices,
  didYouMean,
  duration,
  integer,
  number,
  text,
  toggle,
  UsageError,
  workers,
} from "./option_kinds.ts";

/** Every option of every command, by its name without dashes. */
const OPTIONS = {
  "model": choice("Which network", ["alexnet", "lenet"]),
  "preset": choice(
    "Values for all options below that are not given: the lecture's recipe, or one that shows learning within ten minutes on a slow adapter",
    ["lecture", "quick"],
  ),
  "epochs": integer("N", "Times through the training images", { min: 1 }),
  "batch-size": integer("N", "Images per step", { min: 1 }),
  "optimizer": choice(
    "How gradients change weights: SGD, or Adam, whose step size is 0.001 if not given",
    ["sgd", "adam"],
  ),
  "learning-rate": number("X", "Step size, above 0"),
  "schedule": choice(
    "How the step size changes: not, to a tenth after each third of the run, along a cosine to 0, up to it and down, or to a tenth when the test loss has not fallen for 2 epochs",
    ["constant", "step", "cosine", "one-cycle", "plateau"],
  ),
  "warmup-epochs": number(
    "X",
    "Epochs, or a part of one, in which the step size rises from a third",
  ),
  "momentum": number("X", "Momentum of SGD, in [0, 1)"),
  "weight-decay": number("X", "Weight decay, at least 0"),
  "clip-norm": number(
    "X",
    "Largest norm of all gradients of a step together, above 0",
  ),
  "early-stopping": integer(
    "N",
    "Stop when the test loss has not fallen for N epochs",
    { min: 1 },
  ),
  "dropout": number("X", "Dropout rate of AlexNet, in [0, 1)"),
  "resize": integer("PIXELS", "Height and width of the images", {
    min: 1,
    max: 1024,
  }),
  "seed": integer(
    "N",
    "Seed of weights, order and dropout, 0 to 4294967295",
    { min: 0 },
  ),
  "train-samples": integer("N", "Use the first N training images only", {
    min: 1,
  }),
  "test-samples": integer("N", "Use the first N test images only", { min: 1 }),
  "max-time": duration(
    "TIME",
    "Stop training after e.g. 90s, 10m or 1h30m and evaluate",
  ),
  "precision": choice(
    "What to store activations as; float16 saves memory, needs an adapter with shader-f16 and keeps weights in float32",
    ["float32", "float16"],
  ),
  "device": choice("What to compute on", ["auto", "webgpu", "cpu"]),
  "tune": toggle(
    "Measure first which kernels are fastest on this adapter, once for it; takes minutes on a slow one",
  ),
  "augment": choices(
    "Random changes of training images: any of these, with commas between",
    AUGMENTATION_NAMES,
  ),
  "workers": workers(
    "N|auto",
    "Workers that make batches where the device cannot; auto: at most cores less one",
  ),
  "data-dir": text(
    "DIR",
    "The only folder to look for the data set and to download it to",
  ),
  "offline": toggle("Never use the network"),
  "source": choice(
    "The full data set, or the sample that comes with this package",
    ["full", "sample"],
  ),
  "save": text(
    "FILE",
    "Write the trained weights to FILE, in the safetensors format",
  ),
  "out": text(
    "RUN",
    "Keep the run in the folder RUN: configuration, metrics, TensorBoard events and checkpoints to go on from",
  ),
  "resume": text(
    "RUN",
    "Go on with the run in the folder RUN, exactly where its last checkpoint was written",
  ),
  "checkpoint-every": integer(
    "N",
    "Write a checkpoint every N steps, besides at the end of each epoch and when the run ends",
    { min: 1 },
  ),
  "keep-checkpoints": integer(
    "N",
    "Keep the last N checkpoints (default 1), beside the best",
    { min: 1 },
  ),
  "measure-train": toggle(
    "Measure the accuracy on the training images as well after each epoch, with dropout off",
  ),
  "log-every": integer("N", "Print loss, accuracy and speed every N steps", {
    min: 1,
  }),
  "progress": toggle(
    "Draw a progress bar where there is a terminal (default); --no-progress: never",
  ),
  "quiet": toggle("Print results only"),
  "json": toggle(
    "Print JSON, one object a line and nothing else on standard output",
  ),
  "top": integer(
    "N",
    "How many of the most likely classes to print; 3 if not given",
    {
      min: 1,
    },
  ),
  "invert": toggle(
    "Exchange light and dark first: for photographs on a light background, as the images of the data set are light on dark",
  ),
  "split": choice("Which images to show", ["train", "test"]),
  "count": integer(
    "N",
    "How many images of the batch to show, or of each IDX file to classify",
    { min: 1 },
  ),
  "batch": integer("N", "Which batch to show, from 1", { min: 1 }),
  "at-epoch": integer(
    "N",
    "Which epoch's order to show, from 1; without it, the order of the data set",
    { min: 1, max: 2 ** 32 },
  ),
  "format": choice(
    "Format to export to or import from (onnx: export only)",
    ["safetensors", "tfjs", "onnx"],
  ),
  "layout": choice(
    "Names and layouts of safetensors: as here, or of a PyTorch state_dict",
    ["keras", "pytorch"],
  ),
  "output": text(
    "PATH",
    "Where to write: a file, and for tfjs a new folder; report: RUN/report.html if not given; data show: a PNG file, fashion-mnist-train.png or -test.png if not given",
  ),
  "verbose": toggle("Print the stack trace of an error"),
  "help": toggle("Print this help"),
} as const;

/** Name of an option, without dashes. */
export type OptionName = keyof typeof OPTIONS;

/** Parsed options by name; one that was not given is absent. */
export type OptionValues = {
  [Name in OptionName]?: ReturnType<typeof OPTIONS[Name]["parse"]>;
};

/** A parsed command line. */
export interface CommandLine {
  /** The options that were given. */
  readonly options: OptionValues;
  /** The other arguments. */
  readonly positional: readonly string[];
}

/**
 * Parses the arguments of a command.
 *
 * @param args Arguments after the command's name.
 * @param names Options that the command has.
 * @returns Options and other arguments.
 * @throws {UsageError} If an option is unknown or has a value that it must not have.
 */
export function parseOptions(
  args: readonly string[],
  names: readonly OptionName[],
): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(
        names.map((
          name,
        ) => [name, { type: _isSwitch(name) ? "boolean" : "string" }]),
      ),
      "help": { type: "boolean", short: "h" },
    },
    // Not strict, as unknown options and wrong values are to be reported in our own words.
    strict: false,
    tokens: true,
  });
  const options: Record<string, unknown> = {};
  const positional: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positional.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "no-progress" && names.includes("progress")) {
      options.progress = false;
      continue;
    }
    const name = names.find((n) => n === token.name);
    if (name === undefined) throw _unknownOption(token.rawName, names);
    options[name] = _parseValue(name, token);
  }
  return { options, positional };
}

/**
 * Describes options for the help.
 *
 * @param names The options, in the order to list them.
 * @returns Pairs of how the option is written and what it means.
 */
export function describeOptions(
  names: readonly OptionName[],
): [flag: string, help: string][] {
  return names.map((name) => {
    const { placeholder, help } = OPTIONS[name];
    return [placeholder ? `--${name} ${placeholder}` : `--${name}`, help];
  });
}

function _isSwitch(name: OptionName): boolean {
  return OPTIONS[name].placeholder === undefined;
}

function _parseValue(
  name: OptionName,
  { value, inlineValue }: { value?: string; inlineValue?: boolean },
): unknown {
  const flag = `--${name}`;
  if (_isSwitch(name)) {
    if (value !== undefined) {
      throw new UsageError(`${flag} takes no value: leave out "=${value}"`);
    }
    return true;
  }
  if (!value || (value.startsWith("--") && !inlineValue)) {
    throw new UsageError(
      `${flag} needs a value: ${flag} ${OPTIONS[name].placeholder}`,
    );
  }
  return OPTIONS[name].parse(value, flag);
}

function _unknownOption(
  flag: string,
  names: readonly OptionName[],
): UsageError {
  const flags = names.map((name) => `--${name}`);
  return new UsageError(`Unknown option ${flag}: ${didYouMean(flag, flags)}`);
}
