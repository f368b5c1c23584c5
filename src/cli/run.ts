/**
 * The run folder of `train`: a new one, one that goes on, or none; and which options it remembers, so that a run that goes on
 * needs none of them again.
 *
 * @module
 */

import type { BackendInfo } from "../device/device.ts";
import { COUNTS } from "../data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import { takeApart } from "../data/transforms/transform.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { readConfig } from "../runs/read_run.ts";
import type { RunConfig } from "../runs/records.ts";
import { RunFolder } from "../runs/run_folder.ts";
import { parseOptions } from "./command_line.ts";
import { transformOf } from "./load_data.ts";
import {
  type Memory,
  OPTION_NAMES,
  type OptionName,
  type OptionValues,
  specOf,
} from "./options.ts";
import type { Recipe } from "./recipe.ts";
import { formatDevice } from "./terminal/console.ts";
import { UsageError } from "./usage.ts";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };

/** Schedules that do not depend on the number of epochs. */
const AT_ANY_LENGTH: readonly string[] = ["constant", "plateau"];

/** What a run computes, and on what. */
export interface RunParts {
  readonly recipe: Recipe;
  readonly model: ModelConfig;
  readonly backend: BackendInfo;
}

/** A run folder, or none. */
export interface OpenRun extends Disposable {
  /** The folder, if the run is to be remembered. */
  readonly folder?: RunFolder;
  /** What the run depends on. */
  readonly config: RunConfig;
  /** Does something without which there is no run: if it fails, a folder that was made for the run is removed. */
  undoIfItFails<T>(start: () => Promise<T>): Promise<T>;
  /** Lines that say where the run is kept, and what differs from how it began. */
  explain(): string[];
}

/** Leaves out what makes a process print or write: for those that train together with one that does. */
export function withoutOutput(options: Recipe): Recipe {
  const { out: _, resume: __, save: ___, ...others } = options;
  return { ...others, json: false, quiet: true };
}

/** The options with a memory of one of some kinds. */
function remembered(...kinds: readonly Memory[]): OptionName[] {
  return OPTION_NAMES.filter((name) => {
    const { memory } = specOf(name);
    return memory !== undefined && kinds.includes(memory);
  });
}

/** What `config.json` says of the options of a run: values by the names of options. */
export function recordOptions(recipe: Recipe): RunConfig["recipe"] {
  return Object.fromEntries(
    remembered("fixed", "kept", "noted", "first").flatMap((name) => {
      const { record = (value: unknown) => value } = specOf(name);
      return recipe[name] === undefined ? [] : [[name, record(recipe[name])]];
    }),
  );
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

/** Anybody can change the file of the configuration: its values are checked as those of a command line are. */
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

/**
 * Completes the options of a run that goes on by what its folder remembers; returns them as they are where no run goes on.
 */
export async function runOptions(given: OptionValues): Promise<OptionValues> {
  const { resume, out } = given;
  if (resume !== undefined) {
    if (out !== undefined) {
      throw new UsageError(
        "Cannot use --out with --resume, which goes on in its own folder: leave one out",
      );
    }
    return resumeOptions(await readConfig(resume), given, resume);
  }
  return given;
}

/** Opens the run folder that the options name, if they do; throws a `DataError` if it cannot be used. */
export async function openRun(parts: RunParts): Promise<OpenRun> {
  const { recipe } = parts;
  const { resume, out } = recipe;
  const folderOptions = {
    checkpointEvery: recipe["checkpoint-every"],
    keepCheckpoints: recipe["keep-checkpoints"],
  };
  let folder: RunFolder | undefined;
  if (resume !== undefined) {
    folder = await RunFolder.resume(resume, {
      ...folderOptions,
      recipe: recordOptions(recipe),
    });
  } else if (out !== undefined) {
    const config = describeRun(parts);
    folder = await RunFolder.create(out, config, folderOptions);
  }
  return {
    folder,
    config: folder?.config ?? describeRun(parts),
    async undoIfItFails(start) {
      try {
        return await start();
      } catch (error) {
        if (resume === undefined) await folder?.remove();
        throw error;
      }
    },
    explain: () => explainRun(folder, parts),
    [Symbol.dispose]: () => folder?.[Symbol.dispose](),
  };
}

/** Says how an interrupted run goes on, such as "go on with: deno run -A mod.ts train --resume runs/a". */
export function howToResume(
  { out, resume, distributed }: OptionValues,
): string {
  const path = resume ?? out;
  if (path === undefined) {
    return "nothing was kept of it; --out RUN keeps what it takes to go on";
  }
  const main = Deno.mainModule.startsWith("file:")
    ? relative(Deno.cwd(), fileURLToPath(Deno.mainModule))
    : Deno.mainModule;
  const [before, after] = distributed
    ? ["mpirun -n N ", "--distributed "]
    : ["", ""];
  return `go on with: ${before}deno run -A ${
    quote(main)
  } train ${after}--resume ${quote(path)}`;
}

/** Writes a word as a shell needs it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

function describeRun({ recipe, model, backend }: RunParts): RunConfig {
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

function explainRun(
  folder: RunFolder | undefined,
  { backend, recipe }: RunParts,
): string[] {
  if (folder === undefined) return [];
  const { path, state, config } = folder;
  if (state === undefined) return [`run: ${path}`];
  const { epoch, step } = state.progress;
  if (epoch > recipe.epochs) {
    return [
      `run: ${path}`,
      `all ${recipe.epochs} epochs are done: --epochs N trains more`,
    ];
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
    if (old === version) continue;
    lines.push(
      `note: it began with ${name} ${old}, and this is ${version}: results may differ by rounding`,
    );
  }
  return lines;
}
