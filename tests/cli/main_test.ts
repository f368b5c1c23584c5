/** Tests of the program as a whole: its help, and command lines that it refuses. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { COMMANDS } from "../../src/cli/main.ts";
import { EVERY_COMMAND, optionsOf } from "../../src/cli/options.ts";
import { assertOneLineError, run, runMain, runProgram } from "./program.ts";

const REFUSED: [line: string, message: RegExp][] = [
  ["trian", /Unknown command trian: did you mean train\?; see --help$/m],
  [
    "train --epoch 3",
    /Unknown option --epoch: did you mean --epochs\?; see train --help$/m,
  ],
  ["train --bach-size=3", /--bach-size: did you mean --batch-size\?/],
  ["train --epochs", /--epochs needs a value: --epochs N; see train --help$/m],
  ["train --dropout 1 --source sample", /Cannot use --dropout as it must be/],
  ["train --resize 100000", /--resize .+ an integer from 1 to 1024/],
  ["data fetch --source sample", /nothing to fetch with --source sample/],
  ["train --learning-rate 0", /--learning-rate .+ above 0/],
  ["train --momentum 1", /--momentum .+ below 1/],
  ["train --weight-decay=-1", /--weight-decay .+ at least 0/],
  [
    "train --optimizer adam --momentum 0.9",
    /Cannot use --momentum with --optimizer adam, .+ leave it out; see train/,
  ],
  [
    "lr-find --optimizer adam --momentum 0.9",
    /Cannot use --momentum with --optimizer adam, .+; see lr-find --help$/m,
  ],
  [
    "train --schedule one-cycle --warmup-epochs 1",
    /Cannot use --warmup-epochs with --schedule one-cycle, which warms up/,
  ],
  [
    "train --schedule plateau --warmup-epochs 1",
    /Cannot use --warmup-epochs with --schedule plateau, .+ leave one/,
  ],
  [
    "train --epochs 3 --warmup-epochs 4",
    /--warmup-epochs .+ at least 0 and at most 3: current value is 4/,
  ],
  ["train --clip-norm 0", /--clip-norm .+ above 0: current value is 0/],
  ["lr-find --learning-rate 1", /Unknown option --learning-rate/],
  ["train --seed 4294967296", /--seed .+ from 0 to 4294967295/],
  [
    "train --source sample --train-samples 2001",
    /--train-samples .+ from 1 to 2000/,
  ],
  ["train more", /Unexpected argument "more" after train; see train --help$/m],
  [
    "train --save /nonexistent/file",
    /--save \/nonexistent\/file as there is no folder \/nonexistent/,
  ],
  ["evaluate", /evaluate needs one CHECKPOINT/],
  ["evaluate one two", /evaluate needs one CHECKPOINT/],
  ["report", /report needs one RUN: a folder that `train --out RUN` wrote/],
  ["report one two", /report needs one RUN/],
  [
    "report run --output /nonexistent/file",
    /--output \/nonexistent\/file as there is no folder \/nonexistent/,
  ],
  ["predict", /predict needs a CHECKPOINT .+ and at least one IMAGE/],
  ["predict one", /predict needs a CHECKPOINT .+ and at least one IMAGE/],
  ["data", /data needs one of fetch, verify, show; see data --help$/m],
  ["data fetch show", /data needs one of fetch, verify, show/],
  ["data fecth", /Unknown action fecth: did you mean fetch\?/],
  ["doctor now", /Unexpected argument "now" after doctor/],
  ["constructor", /Unknown command constructor/],
];
for (const [line, message] of REFUSED) {
  Deno.test(`the program refuses "${line}" with exit code 2`, async () => {
    const outcome = await runMain(line.split(" "));
    assertOneLineError(outcome, { code: 2, message });
  });
}

Deno.test("the program refuses to do nothing, and prints its help", async () => {
  const { code, stdout } = await runMain([]);
  assertEquals(code, 2);
  assertStringIncludes(stdout, "Usage: ");
});

Deno.test("--verbose adds the stack trace of an error", async () => {
  const { code, stdout, stderr } = await runProgram([
    ...["train", "--batch-size", "0", "--verbose"],
  ]);
  assertEquals([code, stdout], [2, ""]);
  const [first, ...trace] = stderr.trimEnd().split("\n");
  assertMatch(first, /^error: Cannot use --batch-size .+; see train --help$/);
  assertMatch(trace[0], /^UsageError: Cannot use --batch-size/);
  assertMatch(trace[1], /^ +at .+src\/cli\/\w+\.ts:\d+:\d+/);
});

for (const args of [["--help"], ["-h"], ["help"]]) {
  Deno.test(`${args} lists the commands`, async () => {
    const { code, stdout, stderr } = await runMain(args);
    assertEquals([code, stderr], [0, ""]);
    for (const name of EVERY_COMMAND) {
      assertEquals(stdout.match(new RegExp(`^  ${name} `, "gm"))?.length, 1);
    }
  });
}

/** The options that the issue asks of `train`. */
const TRAIN_OPTIONS =
  "model epochs batch-size learning-rate momentum weight-decay resize seed train-samples test-samples max-time device data-dir offline source preset log-every progress quiet verbose help"
    .split(" ");

for (const name of EVERY_COMMAND) {
  const { positional = "" } = COMMANDS[name];
  Deno.test(`${name} --help lists every option once`, async () => {
    const { code, stdout, stderr } = await runMain([name, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(
      stdout,
      `\nUsage: deno run -A jsr:@x/alexnet ${name} ${
        positional && `${positional} `
      }[options]\n`,
    );
    const listed = Array.from(
      stdout.matchAll(/^ {2}--([a-z-]+)/gm),
      (m) => m[1],
    );
    assertEquals(listed, optionsOf(name));
    assertEquals(new Set(listed).size, listed.length);
    const expected = name === "train" ? TRAIN_OPTIONS : ["verbose", "help"];
    for (const option of expected) assert(listed.includes(option), option);
    assertEquals((await runMain([name, "-h"])).stdout, stdout);
  });
}

Deno.test("train --help says what may be given", async () => {
  const { stdout } = await runMain(["train", "--help"]);
  assertMatch(stdout, /^ {2}--model alexnet\|lenet +\S/m);
  assertMatch(stdout, /^ {2}--preset lecture\|quick +\S/m);
  assertMatch(stdout, /^ {2}--device auto\|webgpu\|cpu +\S/m);
  assertMatch(stdout, /^ {2}--max-time TIME +.+10m/m);
  assertMatch(stdout, /^ {2}--quiet {2} +Print/m);
  assertMatch(stdout, /--no-progress/);
});

/** The part of the output of `deno info --json` that is read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** What is loaded with some files before any of them runs, or also while they do. */
function loadedWith(
  { modules }: Info,
  { files, dynamic }: { files: readonly string[]; dynamic: boolean },
): Set<string> {
  const loaded = new Set<string>();
  const visit = (specifier: string): void => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    const found = modules.find((module) => module.specifier === specifier);
    for (const { code, isDynamic } of found?.dependencies ?? []) {
      if (code?.specifier && (dynamic || !isDynamic)) visit(code.specifier);
    }
  };
  for (const file of files) {
    const path = modules.find(({ specifier }) => specifier.endsWith(file));
    assert(path !== undefined, file);
    visit(path.specifier);
  }
  return loaded;
}

/** Packages that the help may load: of a few files each. */
const SMALL_PACKAGES = [
  "npm:@aws-crypto/crc32",
  "npm:fast-png",
  "npm:fastest-levenshtein",
  "npm:fflate",
  "npm:oled-font-5x7",
];

Deno.test("--help loads small packages only, so that it answers at once", async () => {
  const { stdout } = await run(Deno.execPath(), {
    args: ["info", "--json", "mod.ts"],
  });
  const info: Info = JSON.parse(stdout);
  const files = ["/mod.ts", "/src/cli/main.ts"];
  const packagesIn = (loaded: ReadonlySet<string>) =>
    [...loaded].filter((specifier) => specifier.startsWith("npm:"))
      .map((specifier) => specifier.replace(/@[^@/]*$/, ""));
  const all = packagesIn(loadedWith(info, { files, dynamic: true }));
  assert(all.includes("npm:@tensorflow/tfjs-core"), `${all}`);
  const loaded = loadedWith(info, { files, dynamic: false });
  assert([...loaded].some((path) => path.endsWith("/src/cli/options.ts")));
  const large = packagesIn(loaded).filter((name) =>
    !SMALL_PACKAGES.includes(name)
  );
  assertEquals(large, []);
});
