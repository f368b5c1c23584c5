/**
 * The command line: finds the command, runs it, and turns whatever goes wrong into one line and an exit code. Nothing here
 * loads TensorFlow.js; a command loads what it needs when it runs.
 */

import { findLauncher } from "../distributed/processes.ts";
import { OptionError } from "../errors.ts";
import {
  type CommandLine,
  explain,
  parseOptions,
  requireNeeded,
} from "./command_line.ts";
import {
  type CommandName,
  didYouMean,
  flagOf,
  helpOf,
  optionsOf,
  specOf,
  UsageError,
} from "./options.ts";
import { formatTable } from "./terminal/console.ts";

/** A command of the program. */
export interface Command {
  readonly summary: string;
  /** Its arguments other than options. Default: it has none. */
  readonly positional?: string;
  /** What its only argument is, if it has exactly one. */
  readonly argument?: string;
  /** Does what the summary says, and returns the exit code. */
  readonly run: (line: CommandLine) => number | Promise<number>;
}

const CHECKPOINT =
  "a file that `train --save FILE` wrote, or a folder that `train --out RUN` wrote";

/** Every command by its name, in the order of the help. */
export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  train: {
    summary:
      "Train a network on Fashion-MNIST; by default AlexNet, as in the lecture",
    run: async (line) => (await import("./commands/train.ts")).train(line),
  },
  evaluate: {
    positional: "CHECKPOINT",
    argument: CHECKPOINT,
    summary:
      "Measure loss, accuracy and confusion of saved weights on the test images",
    run: async (line) =>
      (await import("./commands/evaluate.ts")).evaluateCommand(line),
  },
  report: {
    positional: "RUN",
    argument: "a folder that `train --out RUN` wrote",
    summary:
      "Write one HTML page about a run: curves, confusion matrix, worst mistakes, filters, configuration",
    run: async (line) => (await import("./commands/report.ts")).report(line),
  },
  "lr-find": {
    summary:
      "Try learning rates from 1e-7 to 10, a step each, and suggest one to train with",
    run: async (line) => (await import("./commands/lr_find.ts")).lrFind(line),
  },
  export: {
    positional: "CHECKPOINT",
    argument: CHECKPOINT,
    summary:
      "Write saved weights for PyTorch, TensorFlow.js, ONNX Runtime and others",
    run: async (line) =>
      (await import("./commands/interchange.ts")).exportCheckpoint(line),
  },
  import: {
    positional: "FILE",
    argument: "safetensors, or model.json of TensorFlow.js",
    summary: "Make a checkpoint of weights that another program wrote",
    run: async (line) =>
      (await import("./commands/interchange.ts")).importCheckpoint(line),
  },
  predict: {
    positional: "CHECKPOINT IMAGE...",
    summary:
      "Say what pictures show: PNG, JPEG or IDX files of any size, color or grey",
    run: async (line) => (await import("./commands/predict.ts")).predict(line),
  },
  tune: {
    summary:
      "Measure the kernels of a training step and remember the fastest for this adapter",
    run: async (line) => (await import("./commands/tune.ts")).tuneCommand(line),
  },
  summary: {
    summary:
      "Print the layer table of a network, and where its batches are made",
    run: async (line) => (await import("./commands/summary.ts")).summary(line),
  },
  data: {
    positional: "fetch|verify|show",
    summary:
      "Download the data set, check its files, or show a batch as the network sees it and write it as PNG",
    run: async (line) => (await import("./commands/data.ts")).data(line),
  },
  doctor: {
    summary:
      "Print device, driver, limits, versions and data set, and what is wrong",
    run: async (line) => (await import("./commands/doctor.ts")).doctor(line),
  },
};

/** Runs the program; returns 0 on success, 1 on failure, 2 if the command line cannot be understood. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const command = isCommand(args[0]) ? args[0] : undefined;
    const launcher = args.includes("--distributed")
      ? findLauncher((name) => Deno.env.get(name))
      : undefined;
    // All processes that train together have the same wrong command line: only the first one says so.
    if (!isUsage || !launcher?.rank) {
      console.error(`error: ${explain(error, command)}`);
    }
    if (args.includes("--verbose")) console.error(error);
    return isUsage || error instanceof OptionError ? 2 : 1;
  }
}

async function runCommand(
  [name, ...args]: readonly string[],
): Promise<number> {
  if (name === undefined || ["--help", "-h", "help"].includes(name)) {
    console.log(programHelp());
    return name === undefined ? 2 : 0;
  }
  if (!isCommand(name)) {
    throw new UsageError(
      `Unknown command ${name}: ${didYouMean(name, Object.keys(COMMANDS))}`,
    );
  }
  const line = parseOptions(args, optionsOf(name));
  if (line.options.help) {
    console.log(commandHelp(name));
    return 0;
  }
  requireNeeded(line.options);
  const { positional, argument, run } = COMMANDS[name];
  const { length, 0: first } = line.positional;
  if (positional === undefined && length > 0) {
    throw new UsageError(`Unexpected argument "${first}" after ${name}`);
  }
  if (argument !== undefined && length !== 1) {
    throw new UsageError(`${name} needs one ${positional}: ${argument}`);
  }
  return await run(line);
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, command]) => {
    const { positional = "", summary } = command;
    return ["", `${name} ${positional}`, summary];
  });
  return `AlexNet on Fashion-MNIST, on WebGPU

Usage: deno run -A jsr:@x/alexnet <command> [options]

${formatTable(rows, { textColumns: 3 })}

<command> --help lists the options of a command.`;
}

function commandHelp(name: CommandName): string {
  const { positional, argument, summary } = COMMANDS[name];
  const words = [name, positional, "[options]"].filter(Boolean).join(" ");
  const meaning = argument && `\n${positional}: ${argument}\n`;
  const rows = optionsOf(name).map((option) => {
    const help = helpOf(option, name);
    const isOfShow = name === "data" &&
      !specOf(option).commands.includes(name);
    return ["", flagOf(option), isOfShow ? `show: ${help}` : help];
  });
  return `${summary}

Usage: deno run -A jsr:@x/alexnet ${words}
${meaning ?? ""}
${formatTable(rows, { textColumns: 3 })}`;
}
