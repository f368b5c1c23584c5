/**
 * The run folder of `train`: a new one, one that goes on, or none.
 *
 * @module
 */

import type { AdapterDescription, BackendInfo } from "../device/device.ts";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import {
  COUNTS,
  fashionMnistTransform,
} from "../data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import { partsOf } from "../data/transforms/transform.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { readConfig } from "../runs/read_run.ts";
import type { RunConfig } from "../runs/records.ts";
import { RunFolder } from "../runs/run_folder.ts";
import { augmentationOf } from "./augment.ts";
import { formatDevice } from "./console.ts";
import { UsageError } from "./option_kinds.ts";
import type { OptionValues } from "./options.ts";
import type { Recipe } from "./recipe.ts";
import { recordOptions, resumeOptions } from "./run_options.ts";

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
  /**
   * Does something without which there is no run: a folder that was made for it is taken away if it fails.
   *
   * @param start Does it.
   * @returns What that returns.
   */
  undoIfItFails<T>(start: () => Promise<T>): Promise<T>;
  /**
   * Says where the run is kept.
   *
   * @returns Some lines.
   */
  explain(): string[];
}

/**
 * Completes the options of a run that goes on by what its folder remembers.
 *
 * @param given The options of the command line.
 * @returns All options; the same where no run goes on.
 * @throws {UsageError} If they do not go together.
 * @throws {DataError} If there is no run to go on with.
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
  for (const name of ["checkpoint-every", "keep-checkpoints"] as const) {
    if (given[name] === undefined || out !== undefined) continue;
    throw new UsageError(
      `Cannot use --${name} without a folder for checkpoints: add --out RUN`,
    );
  }
  return given;
}

/**
 * Opens the run folder that the options name, if they do.
 *
 * @param options All options.
 * @param parts What the run computes, and on what.
 * @returns The folder, or none.
 * @throws {DataError} If it cannot be used.
 */
export async function openRun(
  options: OptionValues,
  parts: RunParts,
): Promise<OpenRun> {
  const { resume, out } = options;
  const folderOptions = {
    checkpointEvery: options["checkpoint-every"],
    keepCheckpoints: options["keep-checkpoints"],
  };
  let folder: RunFolder | undefined;
  if (resume !== undefined) {
    const recipe = recordOptions(parts.recipe, options);
    folder = await RunFolder.resume(resume, { ...folderOptions, recipe });
  } else if (out !== undefined) {
    const config = _describe(options, parts);
    folder = await RunFolder.create(out, config, folderOptions);
  }
  return {
    folder,
    config: folder?.config ?? _describe(options, parts),
    async undoIfItFails(start) {
      try {
        return await start();
      } catch (error) {
        if (resume === undefined) await folder?.remove();
        throw error;
      }
    },
    explain: () => _explain(folder, parts),
    [Symbol.dispose]: () => folder?.[Symbol.dispose](),
  };
}

/**
 * Says how a run goes on that was interrupted.
 *
 * @param options Its options.
 * @returns For example "go on with: deno run -A mod.ts train --resume runs/a".
 */
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
    _quote(main)
  } train ${after}--resume ${_quote(path)}`;
}

/** As a shell wants it. */
function _quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

function _describe(
  options: OptionValues,
  { recipe, model, backend }: RunParts,
): RunConfig {
  const { source = "full" } = options;
  const files = source === "full" ? MANIFEST.files : MANIFEST.sample.files;
  const transform = fashionMnistTransform({
    resize: recipe.imageSize === 28 ? undefined : recipe.imageSize,
    augment: augmentationOf(options.augment),
  });
  return {
    format: 1,
    started: new Date().toISOString(),
    versions: _versions(),
    device: formatDevice(backend),
    adapter: backend.adapter && _identify(backend.adapter),
    system: `${Deno.build.os} ${Deno.build.arch}`,
    model,
    recipe: recordOptions(recipe, options),
    data: {
      source,
      classNames: MANIFEST.classNames,
      trainSamples: recipe.trainSamples ?? COUNTS[source].train,
      testSamples: recipe.testSamples ?? COUNTS[source].test,
      sha256: Object.fromEntries(files.map((f) => [f.name, f.sha256])),
      transforms: partsOf(transform).map(({ description }) => description),
    },
  };
}

function _identify(
  { name, vendor, isSoftware }: AdapterDescription,
): RunConfig["adapter"] {
  return { name, vendor, isSoftware };
}

function _versions(): RunConfig["versions"] {
  const tfjs = manifest.imports["@tensorflow/tfjs-core"];
  return {
    [manifest.name]: manifest.version,
    deno: Deno.version.deno,
    "@tensorflow/tfjs-core": tfjs.slice(tfjs.lastIndexOf("@") + 1),
  };
}

function _explain(
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
  for (const [name, version] of Object.entries(_versions())) {
    const old = config.versions[name];
    if (old === version) continue;
    lines.push(
      `note: it began with ${name} ${old}, and this is ${version}: results may differ by rounding`,
    );
  }
  return lines;
}
