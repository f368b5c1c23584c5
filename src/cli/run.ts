/**
 * The run folder of `train`: which options it remembers, so that a run that goes on needs none of them again, and what is said
 * of it.
 */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { COUNTS } from "../data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import { takeApart } from "../data/transforms/transform.ts";
import type { BackendInfo } from "../device/device.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { readConfig } from "../runs/read_run.ts";
import type { RunConfig } from "../runs/records.ts";
import { RunFolder } from "../runs/run_folder.ts";
import { parseOptions } from "./command_line.ts";
import { transformOf } from "./ingredients.ts";
import {
  type Memory,
  OPTION_NAMES,
  type OptionName,
  type OptionValues,
  specOf,
  UsageError,
} from "./options.ts";
import type { Recipe } from "./recipe.ts";
import { formatDevice } from "./terminal/console.ts";

/** Schedules that do not depend on the number of epochs. */
const AT_ANY_LENGTH: readonly string[] = ["constant", "plateau"];

/** What a run computes, and on what. */
interface RunParts {
  readonly recipe: Recipe;
  readonly model: ModelConfig;
  readonly backend: BackendInfo;
}

/** What `config.json` says of the options of a run: values by the names of options. */
export function recordOptions(recipe: Recipe): RunConfig["recipe"] {
  return Object.fromEntries(
    remembered("fixed", "kept", "noted", "first")
      .filter((name) => recipe[name] !== undefined)
      .map((name) => {
        const value = recipe[name];
        return [name, specOf(name).record?.(value) ?? value];
      }),
  );
}

function remembered(...kinds: readonly Memory[]): OptionName[] {
  return OPTION_NAMES.filter((name) => {
    const { memory } = specOf(name);
    return memory !== undefined && kinds.includes(memory);
  });
}

/** Completes the options of a run that goes on by what its folder remembers; returns others as they are. */
export async function runOptions(given: OptionValues): Promise<OptionValues> {
  const { resume, out } = given;
  if (resume === undefined) return given;
  if (out !== undefined) {
    throw new UsageError(
      "Cannot use --out with --resume, which goes on in its own folder: leave one out",
    );
  }
  return resumeOptions(await readConfig(resume), given, resume);
}

/**
 * Completes the options of a run that goes on, whose folder is `path`, as if all of them had been given; throws a
 * {@linkcode UsageError} if one is given that cannot change, a `DataError` if the configuration says what no option can be.
 */
export function resumeOptions(
  config: RunConfig,
  given: OptionValues,
  path: string,
): OptionValues {
  const refused = remembered("fixed", "first").find((name) => name in given);
  if (refused !== undefined) {
    throw new UsageError(
      `Cannot use --${refused} with --resume, as ${path} goes on as it began: leave it out`,
    );
  }
  const begun = reparse(config, path);
  const { schedule = "constant", epochs } = begun;
  if (
    given.epochs !== undefined && given.epochs !== epochs &&
    !AT_ANY_LENGTH.includes(schedule)
  ) {
    throw new UsageError(
      `Cannot use --epochs ${given.epochs} with --resume, as the ${schedule} schedule of ${path} ends with its ${epochs} epochs: leave it out`,
    );
  }
  return { ...begun, ...given };
}

/** Checks the values of a configuration as those of a command line, as anybody can change its file. */
function reparse({ recipe }: RunConfig, path: string): OptionValues {
  const skipped: readonly string[] = remembered("noted", "first");
  const args = Object.entries(recipe)
    .filter(([name]) => !skipped.includes(name))
    .map(([name, value]) =>
      value === true ? `--${name}` : `--${name}=${textOf(value)}`
    );
  try {
    return parseOptions(args, remembered("fixed", "kept")).options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new DataError(
      path,
      `Cannot go on with ${path} as its config.json is damaged: ${error.message}`,
    );
  }
}

/** The value as a command line has it: a list with commas; what no option can be, as JSON, which no option takes. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  return typeof value === "object" ? JSON.stringify(value) : `${value}`;
}

/** Opens the run folder that the options name, if they do; throws a `DataError` if it cannot be used. */
export async function openRun(parts: RunParts): Promise<RunFolder | undefined> {
  const { recipe } = parts;
  const options = {
    checkpointEvery: recipe["checkpoint-every"],
    keepCheckpoints: recipe["keep-checkpoints"],
  };
  if (recipe.resume !== undefined) {
    return await RunFolder.resume(recipe.resume, {
      ...options,
      recipe: recordOptions(recipe),
    });
  }
  if (recipe.out === undefined) return;
  return await RunFolder.create(recipe.out, describeRun(parts), options);
}

/** What a run that begins now depends on. */
export function describeRun({ recipe, model, backend }: RunParts): RunConfig {
  const { source } = recipe;
  const { adapter } = backend;
  const files = source === "full" ? MANIFEST.files : MANIFEST.sample.files;
  return {
    format: 1,
    started: new Date().toISOString(),
    versions: versionsInUse(),
    device: formatDevice(backend),
    adapter: adapter && {
      name: adapter.name,
      vendor: adapter.vendor,
      isSoftware: adapter.isSoftware,
    },
    system: `${Deno.build.os} ${Deno.build.arch}`,
    model,
    recipe: recordOptions(recipe),
    data: {
      source,
      classNames: MANIFEST.classNames,
      trainSamples: recipe["train-samples"] ?? COUNTS[source].train,
      testSamples: recipe["test-samples"] ?? COUNTS[source].test,
      sha256: Object.fromEntries(files.map((f) => [f.name, f.sha256])),
      transforms: takeApart(transformOf(recipe))
        .map(({ description }) => description),
    },
  };
}

function versionsInUse(): RunConfig["versions"] {
  const tfjs = manifest.imports["@tensorflow/tfjs-core"];
  return {
    [manifest.name]: manifest.version,
    deno: Deno.version.deno,
    "@tensorflow/tfjs-core": tfjs.slice(tfjs.lastIndexOf("@") + 1),
  };
}

/** Says where the run is kept, and what differs from how it began. */
export function explainRun(
  { path, state, config }: RunFolder,
  { backend, recipe }: RunParts,
): string[] {
  if (state === undefined) return [`run: ${path}`];
  const { epoch, step } = state.progress;
  if (epoch > recipe.epochs) {
    const { schedule = "constant", epochs } = recipe;
    const hint = AT_ANY_LENGTH.includes(schedule)
      ? "--epochs N trains more"
      : `the ${schedule} schedule ends with them`;
    return [`run: ${path}`, `all ${epochs} epochs are done: ${hint}`];
  }
  const lines = [
    `run: ${path}, going on after ${step} steps, in epoch ${epoch}`,
  ];
  if (formatDevice(backend) !== config.device) {
    lines.push(
      `note: it began on ${config.device}: on another device results differ by rounding`,
    );
  }
  for (const [name, version] of Object.entries(versionsInUse())) {
    const old = config.versions[name];
    if (old !== version) {
      lines.push(
        `note: it began with ${name} ${old}, and this is ${version}: results may differ by rounding`,
      );
    }
  }
  return lines;
}

/** Says how an interrupted run goes on, such as "go on with: deno run -A mod.ts train --resume runs/a". */
export function howToResume(
  { out, resume, distributed }: OptionValues,
): string {
  const path = resume ?? out;
  if (path === undefined) {
    return "nothing of it was kept; with --out RUN a run can go on";
  }
  const main = Deno.mainModule.startsWith("file:")
    ? relative(Deno.cwd(), fileURLToPath(Deno.mainModule))
    : Deno.mainModule;
  return [
    "go on with:",
    ...distributed ? ["mpirun -n N"] : [],
    `deno run -A ${quote(main)} train`,
    ...distributed ? ["--distributed"] : [],
    `--resume ${quote(path)}`,
  ].join(" ");
}

/** Writes a word as a shell needs it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
