/**
 * Tests of `--help`.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { COMMANDS } from "../../src/cli/main.ts";
import { EVERY_COMMAND, optionsOf } from "../../src/cli/options.ts";
import { run, runMain } from "./program.ts";

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
  const { positional } = COMMANDS[name];
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
