/**
 * Tests of parsing the command line.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { UsageError } from "../../src/cli/option_kinds.ts";
import {
  describeOptions,
  type OptionName,
  type OptionValues,
  parseOptions,
} from "../../src/cli/options.ts";

const ALL = [
  ...new Set(Object.values(COMMANDS).flatMap(({ options }) => options)),
];

const PARSED: [line: string, options: OptionValues][] = [
  ["", {}],
  ["--model lenet", { model: "lenet" }],
  ["--model=lenet", { model: "lenet" }],
  ["--preset quick", { preset: "quick" }],
  ["--epochs 3", { epochs: 3 }],
  ["--epochs=3 --epochs 4", { epochs: 4 }],
  ["--batch-size 128", { "batch-size": 128 }],
  ["--learning-rate 1e-3", { "learning-rate": 0.001 }],
  ["--learning-rate=-1", { "learning-rate": -1 }],
  ["--momentum .9", { momentum: 0.9 }],
  ["--weight-decay 0", { "weight-decay": 0 }],
  ["--dropout 0.5", { dropout: 0.5 }],
  ["--resize 224", { resize: 224 }],
  ["--seed 0", { seed: 0 }],
  ["--train-samples 1", { "train-samples": 1 }],
  ["--test-samples 1", { "test-samples": 1 }],
  ["--max-time 10m", { "max-time": 600_000 }],
  ["--device webgpu", { device: "webgpu" }],
  ["--data-dir 123", { "data-dir": "123" }],
  ["--data-dir a=b", { "data-dir": "a=b" }],
  ["--save=-file", { save: "-file" }],
  ["--source full", { source: "full" }],
  ["--split test", { split: "test" }],
  ["--count 12", { count: 12 }],
  ["--top 5", { top: 5 }],
  ["--invert --json", { invert: true, json: true }],
  ["--log-every 5", { "log-every": 5 }],
  ["--offline", { offline: true }],
  ["--quiet --verbose", { quiet: true, verbose: true }],
  ["--progress", { progress: true }],
  ["--no-progress", { progress: false }],
  ["-h", { help: true }],
  ["--help", { help: true }],
];
for (const [line, options] of PARSED) {
  Deno.test(`parseOptions() parses "${line}"`, () => {
    const args = line === "" ? [] : line.split(" ");
    assertEquals(parseOptions(args, ALL), { options, positional: [] });
  });
}

Deno.test("parseOptions() leaves other arguments as they are written", () => {
  assertEquals(
    parseOptions(["007", "--quiet", "file", "--", "--seed"], ALL),
    { options: { quiet: true }, positional: ["007", "file", "--seed"] },
  );
});

Deno.test("parseOptions() takes no switch's neighbour for its value", () => {
  assertEquals(parseOptions(["--offline", "show"], ALL), {
    options: { offline: true },
    positional: ["show"],
  });
});

Deno.test("parseOptions() knows the command's own options only", () => {
  const names: OptionName[] = ["resize", "help"];
  assertEquals(parseOptions(["--resize", "9"], names).options, { resize: 9 });
  assertThrows(
    () => parseOptions(["--epochs", "9"], names),
    UsageError,
    "Unknown option --epochs: did you mean --resize?",
  );
});

const REFUSED: [args: string[], message: string][] = [
  [["--epoch", "3"], "Unknown option --epoch: did you mean --epochs?"],
  [["--Epochs=3"], "Unknown option --Epochs: did you mean --epochs?"],
  [["--no-epochs"], "Unknown option --no-epochs"],
  [["--__proto__", "3"], "Unknown option --__proto__"],
  [["-e", "3"], "Unknown option -e"],
  [["--epochs"], "--epochs needs a value: --epochs N"],
  [["--epochs", ""], "--epochs needs a value"],
  [["--epochs", "--quiet"], "--epochs needs a value"],
  [["--data-dir", ""], "--data-dir needs a value: --data-dir DIR"],
  [["--epochs", "0"], 'at least 1: current value is "0"'],
  [["--seed=-1"], 'at least 0: current value is "-1"'],
  [["--epochs", "1.5"], "an integer"],
  [["--epochs", "9007199254740992"], "an integer"],
  [["--epochs", "Infinity"], "an integer"],
  [["--epochs", "3x"], "an integer"],
  [["--learning-rate", "0,1"], "must be a number"],
  [["--learning-rate", "NaN"], "must be a number"],
  [["--learning-rate", "Infinity"], "must be a number"],
  [["--model", "resnet"], "one of alexnet, lenet"],
  [["--model", "AlexNet"], "(did you mean alexnet?)"],
];
for (const [args, message] of REFUSED) {
  Deno.test(`parseOptions() refuses "${args.join(" ")}"`, () => {
    assertThrows(() => parseOptions(args, ALL), UsageError, message);
  });
}

Deno.test("describeOptions() has a flag and a sentence for every option", () => {
  const rows = describeOptions(ALL);
  assertEquals(rows.map(([flag]) => flag.split(" ")[0]), [
    ...ALL.map((name) => `--${name}`),
  ]);
  const values = Object.fromEntries(rows.map(([flag]) => flag.split(" ")));
  assertEquals(values["--device"], "auto|webgpu|cpu");
  assertEquals(values["--epochs"], "N");
  assertEquals(values["--quiet"], undefined);
  for (const [flag, help] of rows) assertEquals(help.length > 3, true, flag);
});
