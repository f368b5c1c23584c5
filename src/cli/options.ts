/** Every option of every command, declared once in {@linkcode OPTIONS}; and what is thrown where a command line is wrong. */

import { closest } from "fastest-levenshtein";
import { resolve } from "node:path";
import { MODEL_NAMES } from "../models/named.ts";

/** The command line cannot be understood; the program ends with exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override readonly name = "UsageError";
}

/** Asks whether the nearest of `words` was meant. */
export function didYouMean(word: string, words: readonly string[]): string {
  return `did you mean ${closest(word, words)}?`;
}

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

/**
 * What the folder of a run remembers of an option, and what `train --resume` does with it:
 *
 * - `fixed`: what the run computes. Remembered and used again; nobody may give another value.
 * - `kept`: how the run is computed and kept. Remembered and used again, unless another value is given.
 * - `noted`: about one call of the program. Written down, but not used again.
 * - `first`: about the beginning of a run. Written down, but nobody may give it to a run that goes on.
 */
export type Memory = "fixed" | "kept" | "noted" | "first";

/** What an option means: a text or, where it depends on the command, a text for some commands and one for the others. */
type Help =
  | string
  | Partial<Record<CommandName, string>> & { readonly others: string };

/** All that is known of an option. */
interface OptionSpec<T = unknown> {
  readonly help: Help;
  /** Stands for the value in the help; a switch has no value, and no placeholder. */
  readonly placeholder?: string;
  /** The commands that have the option. Default: `train` alone; `data show` stands for this action of `data`. */
  readonly commands?: readonly (CommandName | "data show")[];
  /** The option means nothing unless one of these is given as well. */
  readonly needs?: readonly ("distributed" | "out" | "resume")[];
  /** The value if neither the command line nor the preset has one. */
  readonly default?: T;
  /** What a run remembers. Default: nothing. */
  readonly memory?: Memory;
  /** Turns text into a value; throws a {@linkcode UsageError} if it cannot. */
  parse(text: string, flag: string): T;
  /** What `config.json` has in place of the value. Default: the value itself. */
  record?(value: T): unknown;
}

/** What is known of an option besides its meaning and how its value is read. */
type More<T> = Partial<Omit<OptionSpec<NoInfer<T>>, "help" | "parse">>;

/** An option without a value. */
function toggle(help: Help, more?: More<true>): OptionSpec<boolean> {
  return { help, ...more, parse: () => true };
}

/** An option whose value is any text. */
function text(help: Help, more?: More<string>): OptionSpec<string> {
  return { help, ...more, parse: (text) => text };
}

/** An option whose value is one of a few words. */
function choice<const T extends string>(
  words: readonly T[],
  help: Help,
  more?: More<T>,
): OptionSpec<T> {
  const parse = (text: string, flag: string) => parseWord(words, text, flag);
  return { help, placeholder: words.join("|"), ...more, parse };
}

/** An option whose value is some of a few words, with commas between. */
function choices<const T extends string>(
  words: readonly T[],
  help: Help,
  more?: More<T[]>,
): OptionSpec<T[]> {
  const parse = (text: string, flag: string) =>
    text.split(",").map((word) => parseWord(words, word.trim(), flag));
  return { help, placeholder: words.join(","), ...more, parse };
}

function parseWord<T extends string>(
  words: readonly T[],
  text: string,
  flag: string,
): T {
  const word = words.find((w) => w === text);
  if (word !== undefined) return word;
  const requirement = `one of ${words.join(", ")}`;
  throw invalid(flag, text, requirement, ` (${didYouMean(text, words)})`);
}

/** An option whose value is a finite number. */
function number(help: Help, more?: More<number>): OptionSpec<number> {
  return {
    help,
    placeholder: "X",
    ...more,
    parse(text, flag) {
      const value = Number(text);
      if (Number.isFinite(value)) return value;
      throw invalid(flag, text, "a number");
    },
  };
}

/** An option whose value is an integer from `min` to `max`. */
function integer(
  help: Help,
  { min = 1, max = Infinity, ...more }: More<number> & {
    min?: number;
    max?: number;
  } = {},
): OptionSpec<number> {
  return {
    help,
    placeholder: "N",
    ...more,
    parse(text, flag) {
      const value = Number(text);
      if (Number.isSafeInteger(value) && value >= min && value <= max) {
        return value;
      }
      const range = max < Infinity
        ? `from ${min} to ${max}`
        : `of at least ${min}`;
      throw invalid(flag, text, `an integer ${range}`);
    },
  };
}

/** An option whose value is a number of workers, or "auto". */
function workers(
  help: Help,
  more: More<number | "auto">,
): OptionSpec<number | "auto"> {
  const { parse } = integer(help, { min: 0, max: 256 });
  return {
    help,
    placeholder: "N|auto",
    ...more,
    parse: (text, flag) => text === "auto" ? text : parse(text, flag),
  };
}

/** An option whose value is a time such as 90s, 10m or 1h30m, in milliseconds. */
function duration(help: Help, more?: More<number>): OptionSpec<number> {
  return {
    help,
    placeholder: "TIME",
    ...more,
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

/** Every option by its name without dashes, in the order in which the help lists them. */
export const OPTIONS = {
  "model": choice(MODEL_NAMES, "Which network", {
    commands: ["train", "lr-find", "tune", "summary", "import", "doctor"],
    default: "alexnet",
    memory: "fixed",
  }),
  "preset": choice(
    ["lecture", "quick"],
    "Fills in the options below that are not given: lecture with the lecture's values, quick with some that show learning within ten minutes on a slow adapter",
    {
      commands: ["train", "lr-find", "tune"],
      default: "lecture",
      memory: "first",
    },
  ),
  // `resumeOptions` knows which schedules allow another number.
  "epochs": integer("Times through the training images", { memory: "kept" }),
  "batch-size": integer({
    others: "Images per step",
    evaluate: "Images that are computed at once",
    predict: "Images that are computed at once",
    data: "Images per batch",
  }, {
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
  }),
  "optimizer": choice(
    ["sgd", "adam"],
    "How gradients change weights. With Adam the learning rate is 0.001 if not given",
    { commands: ["train", "lr-find"], default: "sgd", memory: "fixed" },
  ),
  "learning-rate": number("Learning rate, above 0", { memory: "fixed" }),
  "schedule": choice(
    ["constant", "step", "cosine", "one-cycle", "plateau"],
    "How the learning rate changes. constant: never; step: to a tenth after each third of the run; cosine: down to 0; one-cycle: up to the given one, then down to almost 0; plateau: to a tenth when the test loss has not fallen for 2 epochs",
    { default: "constant", memory: "fixed" },
  ),
  "warmup-epochs": number(
    "How many epochs, such as 0.5, the learning rate takes at the start to rise from a third of its value",
    { default: 0, memory: "fixed" },
  ),
  "momentum": number(
    "Momentum of SGD, in [0, 1)",
    { commands: ["train", "lr-find"], default: 0, memory: "fixed" },
  ),
  "weight-decay": number(
    "Weight decay, at least 0",
    { commands: ["train", "lr-find"], default: 0, memory: "fixed" },
  ),
  "clip-norm": number(
    "Largest norm that all gradients of a step may have together: if it is larger, they are scaled down to this",
    { memory: "fixed" },
  ),
  "early-stopping": integer(
    "Stop when the test loss has not fallen for N epochs",
    { memory: "fixed" },
  ),
  "dropout": number(
    "Dropout rate of AlexNet, in [0, 1)",
    { commands: ["train", "lr-find"], memory: "fixed" },
  ),
  "resize": integer("Height and width of the images", {
    max: 1024,
    placeholder: "PIXELS",
    commands: ["train", "lr-find", "tune", "summary", "import", "data show"],
    memory: "fixed",
  }),
  "augment": choices(
    ["crop", "flip", "erase"],
    "Change training images at random, in one or more of these ways, with commas between",
    {
      commands: ["train", "lr-find", "summary", "data show"],
      memory: "fixed",
    },
  ),
  "workers": workers(
    "How many workers make batches where the device cannot; auto: at most one less than there are cores",
    { commands: ["train", "lr-find"], memory: "kept" },
  ),
  "seed": integer({
    others:
      "Seed of weights, order, dropout and random changes, 0 to 4294967295",
    data: "Seed of order and random changes, 0 to 4294967295",
  }, {
    min: 0,
    commands: ["train", "lr-find", "data show"],
    default: 0,
    memory: "fixed",
  }),
  "train-samples": integer(
    "Use the first N training images only",
    { commands: ["train", "lr-find"], memory: "fixed" },
  ),
  "test-samples": integer(
    "Use the first N test images only",
    { commands: ["train", "evaluate"], memory: "fixed" },
  ),
  "max-time": duration(
    "Stop training after this time, such as 90s, 10m or 1h30m, and evaluate",
    { memory: "noted" },
  ),
  "precision": choice(
    ["float32", "float16"],
    "How activations are stored. float16 saves memory and needs an adapter with shader-f16; weights stay in float32",
    {
      commands: ["train", "tune", "doctor"],
      default: "float32",
      memory: "fixed",
    },
  ),
  "device": choice(
    ["auto", "webgpu", "cpu"],
    "What to compute on; auto: a GPU or, without one, the CPU with oneDNN",
    {
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
  ),
  "kernels": toggle(
    "Run a training step on WebGPU and list its operations, in place of the checks: for each its way, its other ways, its time if tuned, and its shaders",
    { commands: ["doctor"] },
  ),
  "shader": text(
    "Print the WGSL of that step's shaders whose names contain TEXT, in place of the checks",
    { placeholder: "TEXT", commands: ["doctor"] },
  ),
  "tune": toggle(
    "First measure which kernels are fastest on this adapter, and remember them; takes minutes on a slow one",
    { memory: "first" },
  ),
  "distributed": toggle(
    "Train together with the other processes that mpirun (or srun) started; each computes its part of every batch",
  ),
  "compression": choice(
    ["none", "float16"],
    "With --distributed: float16 sends gradients in half the bytes; what rounding takes off them is added to the next step's",
    { needs: ["distributed"], memory: "fixed" },
  ),
  "sync-every": integer(
    "With --distributed: average the weights every N steps, instead of the gradients at every step",
    { needs: ["distributed"], memory: "fixed" },
  ),
  "rank-timeout": duration(
    "With --distributed: how long a process may be silent before all of them end; 30s if not given",
    { needs: ["distributed"] },
  ),
  "measure-train": toggle(
    "After each epoch, also measure the accuracy on the training images with dropout off",
    { memory: "fixed" },
  ),
  "source": choice(
    ["full", "sample"],
    "The full data set, or the sample that comes with this package",
    {
      commands: ["train", "evaluate", "lr-find", "data", "doctor"],
      default: "full",
      memory: "fixed",
    },
  ),
  "data-dir": text(
    {
      others: "The only folder to find the data set in or download it to",
      doctor: "The only folder to find the data set in",
    },
    {
      placeholder: "DIR",
      commands: ["train", "evaluate", "report", "lr-find", "data", "doctor"],
      memory: "kept",
      // From the root, as a run may go on in another working directory.
      record: (path) => resolve(path),
    },
  ),
  "offline": toggle("Never use the network", {
    commands: ["train", "evaluate", "report", "lr-find", "data", "doctor"],
    memory: "kept",
  }),
  "split": choice(["train", "test"], "Which images to show", {
    commands: ["data show"],
  }),
  "batch": integer("Which batch to show, from 1", { commands: ["data show"] }),
  "at-epoch": integer(
    "In the order of which epoch to show the images, from 1; if not given, in the order of the data set",
    { max: 2 ** 32, commands: ["data show"] },
  ),
  "count": integer(
    {
      others: "How many images of the batch to show",
      predict: "How many images of each IDX file to classify",
    },
    { commands: ["predict", "data show"] },
  ),
  "top": integer(
    "How many of the most likely classes to print; 3 if not given",
    { commands: ["predict"] },
  ),
  "invert": toggle(
    "First exchange light and dark: for photographs on a light background, as the images of the data set are light on dark",
    { commands: ["predict"] },
  ),
  "format": choice(
    ["safetensors", "tfjs", "onnx"],
    {
      others: "Format to export to",
      import: "Format to import from; onnx can be exported only",
    },
    { commands: ["export", "import"] },
  ),
  "layout": choice(
    ["keras", "pytorch"],
    "Names and layouts of the tensors in safetensors: as here, or of a PyTorch state_dict",
    { commands: ["export"] },
  ),
  "output": text(
    {
      others: "The file to write or, for tfjs, the new folder",
      report: "The page to write; RUN/report.html if not given",
      import: "The checkpoint to write",
      data:
        "The picture to write; fashion-mnist-train.png or -test.png if not given",
    },
    {
      placeholder: "PATH",
      commands: ["report", "export", "import", "data show"],
    },
  ),
  "out": text(
    "Keep the run in the folder RUN: configuration, metrics, TensorBoard events, and checkpoints to go on from",
    { placeholder: "RUN" },
  ),
  "resume": text(
    "Go on with the run in the folder RUN, exactly from its last checkpoint",
    { placeholder: "RUN" },
  ),
  "checkpoint-every": integer(
    "Write a checkpoint every N steps, and always at the end of each epoch and of the run",
    { needs: ["out", "resume"], memory: "kept" },
  ),
  "keep-checkpoints": integer(
    "Keep the last N checkpoints (1 if not given) and the best one",
    { needs: ["out", "resume"], memory: "kept" },
  ),
  "save": text(
    "Write the trained weights to FILE, in the safetensors format",
    { placeholder: "FILE" },
  ),
  "log-every": integer("Print loss, accuracy and speed every N steps"),
  "progress": toggle(
    "Draw a progress bar where there is a terminal (default); --no-progress: never",
    { commands: ["train", "evaluate", "report", "lr-find", "data"] },
  ),
  "json": toggle(
    "Print JSON, one object a line and nothing else on standard output",
    { commands: ["train", "evaluate", "lr-find", "predict"] },
  ),
  "quiet": toggle(
    "Print results only",
    { commands: ["train", "evaluate", "report", "lr-find", "predict", "tune"] },
  ),
  "verbose": toggle(
    "Print the stack trace of an error",
    { commands: EVERY_COMMAND },
  ),
  "help": toggle("Print this help", { commands: EVERY_COMMAND }),
} satisfies Readonly<Record<string, OptionSpec>>;

/** Name of an option, without dashes. */
export type OptionName = keyof typeof OPTIONS;

/** Values of options by name; one that was not given is absent. */
export type OptionValues = {
  [Name in OptionName]?: ReturnType<typeof OPTIONS[Name]["parse"]>;
};

/** The names of all options. */
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** What is known of an option by its name. */
export function specOf(
  name: OptionName,
): OptionSpec & Required<Pick<OptionSpec, "commands">> {
  return { commands: ["train"], ...OPTIONS[name] };
}

/** What an option means to a command. */
export function helpOf(name: OptionName, command: CommandName): string {
  const { help } = specOf(name);
  return typeof help === "string" ? help : help[command] ?? help.others;
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
