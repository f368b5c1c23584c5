/** Tests of parsing and checking the command line. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkWritable,
  type CommandLine,
  parseOptions,
} from "../../src/cli/command_line.ts";
import {
  OPTION_NAMES as ALL,
  type OptionName,
  type OptionValues,
  UsageError,
} from "../../src/cli/options.ts";
import { makeFolder, namesIn } from "../data/folder.ts";

const PARSED: [line: string, options: OptionValues][] = [
  ["", {}],
  ["--model lenet", { model: "lenet" }],
  ["--model=lenet", { model: "lenet" }],
  ["--epochs 3", { epochs: 3 }],
  ["--epochs=3 --epochs 4", { epochs: 4 }],
  ["--learning-rate 1e-3", { "learning-rate": 0.001 }],
  ["--learning-rate=-1", { "learning-rate": -1 }],
  ["--momentum .9", { momentum: 0.9 }],
  ["--seed 0", { seed: 0 }],
  ["--max-time 10m", { "max-time": 600_000 }],
  ["--data-dir 123", { "data-dir": "123" }],
  ["--data-dir a=b", { "data-dir": "a=b" }],
  ["--save=-file", { save: "-file" }],
  ["--invert --json", { invert: true, json: true }],
  ["-h", { help: true }],
  ["--help", { help: true }],
];
for (const [line, options] of PARSED) {
  Deno.test(`parseOptions() parses "${line}"`, () => {
    const args = line === "" ? [] : line.split(" ");
    assertEquals(parseOptions(args, ALL), { options, positional: [] });
  });
}

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
  [["-e", "3"], "Unknown option -e"],
  [["--data-dir", ""], "--data-dir needs a value: --data-dir DIR"],
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

/** Options of each kind, few enough to see which is meant by a wrong word. */
const FEW: OptionName[] = [
  ...["epochs", "learning-rate", "save"] as const,
  ...["offline", "progress", "help"] as const,
];
const NO_VALUE = "--save needs a value: --save FILE";
const ZERO =
  'Cannot use --epochs as it must be an integer of at least 1: current value is "0"';

/** What comes of words that can be read in more than one way: what was parsed, or the message. */
const WORDS: Record<
  string,
  [args: string[], outcome: Partial<CommandLine> | string][]
> = {
  "values that begin with a dash": [
    [["--learning-rate", "-0.5"], { options: { "learning-rate": -0.5 } }],
    [["--learning-rate=-0.5"], { options: { "learning-rate": -0.5 } }],
    [["--save", "-"], { options: { save: "-" } }],
    [["--save", "-h"], { options: { save: "-h" } }],
    [["--save=--offline"], { options: { save: "--offline" } }],
    [["--save", "--offline"], NO_VALUE],
    [["--save", "--save", "-1"], NO_VALUE],
  ],
  "values as they are written": [
    [["--save", "007"], { options: { save: "007" } }],
    [["--save=1e3"], { options: { save: "1e3" } }],
    [["--save", "true"], { options: { save: "true" } }],
    [["--save=false"], { options: { save: "false" } }],
    [["--save==a=b"], { options: { save: "=a=b" } }],
    [["--save", "a\nb"], { options: { save: "a\nb" } }],
  ],
  "values that are missing": [
    [["--save"], NO_VALUE],
    [["--save="], NO_VALUE],
    [["--save", ""], NO_VALUE],
    [["--save=", "file"], NO_VALUE],
    [["--save", "--", "file"], NO_VALUE],
  ],
  "values of switches": [
    [["--offline=no"], '--offline takes no value: leave out "=no"'],
    [["--offline=true"], '--offline takes no value: leave out "=true"'],
    [["--offline=", "no"], '--offline takes no value: leave out "="'],
    [["--progress=1"], '--progress takes no value: leave out "=1"'],
    [["--no-progress=1"], '--no-progress takes no value: leave out "=1"'],
    [["--help=-h"], '--help takes no value: leave out "=-h"'],
  ],
  "words after switches": [
    [["--offline", "true"], {
      options: { offline: true },
      positional: ["true"],
    }],
    [["--no-progress", "false"], {
      options: { progress: false },
      positional: ["false"],
    }],
    [["-h", "007"], { options: { help: true }, positional: ["007"] }],
    [["--offline", "", "-"], {
      options: { offline: true },
      positional: ["", "-"],
    }],
  ],
  "options that are repeated": [
    [["--save=a", "--save", "b"], { options: { save: "b" } }],
    [["--offline", "--offline"], { options: { offline: true } }],
    [["--progress", "--no-progress"], { options: { progress: false } }],
    [["--no-progress", "--progress"], { options: { progress: true } }],
    [["--epochs", "0", "--epochs", "1"], ZERO],
  ],
  "several wrong words, and reports the first": [
    [["--epochs", "0", "--foo"], ZERO],
    [["--foo", "--epochs", "0"], "Unknown option --foo: did you mean --save?"],
    [["--epochs", "0", "--save"], ZERO],
    [["--save", "--epochs", "0"], NO_VALUE],
    [
      ["--offline=x", "-y", "--save"],
      '--offline takes no value: leave out "=x"',
    ],
    [["file", "-y", "--offline=x"], "Unknown option -y: did you mean --save?"],
  ],
  "names that mean something else": [
    [["--a.b=1"], "Unknown option --a.b: did you mean --save?"],
    [["--save.x", "1"], "Unknown option --save.x: did you mean --save?"],
    [["--__proto__=1"], "Unknown option --__proto__: did you mean --epochs?"],
    [["--constructor"], "Unknown option --constructor: did you mean --epochs?"],
    [["--_", "1"], "Unknown option --_: did you mean --save?"],
    [["--no-offline"], "Unknown option --no-offline: did you mean --offline?"],
    [["--no-epochs=3"], "Unknown option --no-epochs: did you mean --epochs?"],
    [["---"], "Unknown option ---: did you mean --save?"],
    [["--=x"], "Unknown option --=x: did you mean --save?"],
  ],
  "letters": [
    [["-hh"], { options: { help: true } }],
    [["-hxy"], "Unknown option -x: did you mean --save?"],
    [["-h5"], "Unknown option -5: did you mean --save?"],
    [["-epochs", "3"], "Unknown option -e: did you mean --save?"],
    [["-0.5"], "Unknown option -0: did you mean --save?"],
  ],
  "other arguments": [
    [["007", "0x10", "1e3", "true", "=x", "a b"], {
      positional: ["007", "0x10", "1e3", "true", "=x", "a b"],
    }],
    [["007", "--offline", "file", "--", "--save"], {
      options: { offline: true },
      positional: ["007", "file", "--save"],
    }],
    [["a", "--", "-h", "--save", "-1", "--", "2"], {
      positional: ["a", "-h", "--save", "-1", "--", "2"],
    }],
  ],
};
for (const [what, rows] of Object.entries(WORDS)) {
  Deno.test(`parseOptions() reads ${what}`, () => {
    for (const [args, outcome] of rows) {
      if (typeof outcome === "string") {
        const error = assertThrows(() => parseOptions(args, FEW), UsageError);
        assertEquals(error.message, outcome, args.join(" "));
      } else {
        const expected = { options: {}, positional: [], ...outcome };
        assertEquals(parseOptions(args, FEW), expected, args.join(" "));
      }
    }
  });
}

Deno.test("checkWritable() accepts a new file and one that exists, and writes nothing", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/old`, "old");
  await Deno.writeTextFile(`${folder.path}/old.part`, "somebody's");
  for (const name of ["old", "new"]) {
    await checkWritable("--save", `${folder.path}/${name}`);
  }
  await checkWritable("--save", "new-file-in-this-folder");
  assertEquals(namesIn(folder.path), ["old", "old.part"]);
  assertEquals(await Deno.readTextFile(`${folder.path}/old`), "old");
});

Deno.test("checkWritable() refuses a file in no folder, and a folder", async () => {
  await using folder = await makeFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const refused: [path: string, message: string][] = [
    [`${folder.path}/no/file`, "create it first"],
    [`${folder.path}/file/file`, "there is no folder"],
    [folder.path, "it is a folder"],
  ];
  for (const [path, message] of refused) {
    await assertRejects(
      () => checkWritable("--save", path),
      UsageError,
      message,
    );
  }
});
