/**
 * `train`: trains a network on Fashion-MNIST and prints the lecture's line for every epoch.
 *
 * @module
 */

import { join } from "node:path";
import { DataLoader } from "../data/data_loader.ts";
import {
  type FashionMnist,
  fashionMnistTransform,
} from "../data/fashion_mnist.ts";
import { AlexNetError } from "../errors.ts";
import { type ModelConfig, saveCheckpoint } from "../io/checkpoint.ts";
import { initBackend } from "../device/open.ts";
import { requirePrecision } from "../nn/layer.ts";
import { writeReport } from "../report/write_report.ts";
import { LAST } from "../runs/run_checkpoints.ts";
import { RUN_FILES } from "../runs/run_files.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { fit } from "../train/fit.ts";
import { requireTogether } from "../train/replicas.ts";
import type { Checkpoints } from "../train/state.ts";
import { useTuned } from "../train/tune.ts";
import { formatDevice, formatLayers } from "./console.ts";
import { formatData } from "./data_summary.ts";
import { ALONE, type Group, runTogether } from "./group.ts";
import { INTERRUPTED, listenForInterrupts } from "./interrupts.ts";
import { loadData } from "./load_data.ts";
import { buildNetwork, checkNetwork } from "./network.ts";
import { UsageError } from "./option_kinds.ts";
import { optimizationOf } from "./optimization.ts";
import type { CommandLine, OptionValues } from "./options.ts";
import { checkWritable } from "./output_file.ts";
import { ProgressView } from "./progress.ts";
import { type Recipe, recipeOf } from "./recipe.ts";
import { howToResume, openRun, runOptions } from "./run.ts";
import { withoutOutput } from "./run_options.ts";
import {
  describeRecipe,
  describeTogether,
  explainSkipped,
  explainSplit,
  explainStop,
} from "./train_messages.ts";
import { SILENT, type TrainOutput, trainOutput } from "./train_output.ts";
import { tuneWith } from "./tune.ts";

/** Options that mean something to processes that train together. */
const TOGETHER_OPTIONS = ["compression", "sync-every", "rank-timeout"] as const;

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 */
export async function train({ options }: CommandLine): Promise<number> {
  if (options.distributed) {
    return await runTogether((group) => _train(options, group), {
      silenceMs: options["rank-timeout"],
      verbose: options.verbose,
    });
  }
  for (const name of TOGETHER_OPTIONS) {
    if (options[name] === undefined) continue;
    throw new UsageError(`Cannot use --${name} without --distributed`);
  }
  return await _train(options, ALONE);
}

/** Completes the options, and checks what can be checked before anything takes time. */
async function _complete(given: OptionValues): Promise<OptionValues> {
  const options = await runOptions(given);
  const recipe = recipeOf(options);
  checkNetwork(_configOf(recipe), options);
  optimizationOf(recipe);
  requireTogether({
    compression: options.compression,
    syncEvery: options["sync-every"],
    precision: recipe.precision,
    everySteps: options["checkpoint-every"],
  });
  if (options.save !== undefined) await checkWritable("--save", options.save);
  return options;
}

function _configOf({ model, imageSize }: Recipe): ModelConfig {
  return { model, imageSize, classes: 10 };
}

async function _train(given: OptionValues, group: Group): Promise<number> {
  const all = await group.byFirst(() => _complete(given));
  const options = group.isFirst ? all : withoutOutput(all);
  const recipe = recipeOf(options);
  const config = _configOf(recipe);
  const optimization = optimizationOf(recipe);
  const view = new ProgressView({
    noBars: options.progress === false,
    quiet: options.quiet || options.json,
    logEvery: options["log-every"],
  });
  const output = group.isFirst ? trainOutput(options, view, recipe) : SILENT;
  const onWarning = (message: string) => {
    if (group.isFirst) console.error(`warning: ${message}`);
  };
  // Before anything is printed, as Deno clears the line of a terminal when a worker starts.
  using interrupts = await listenForInterrupts();
  try {
    const backend = await group.together(async () => {
      const info = await initBackend({ device: options.device, onWarning });
      requirePrecision(recipe.precision);
      return info;
    });
    using run = await group.together(() =>
      openRun(options, { recipe, model: config, backend })
    );
    const { folder } = run;
    const data = await run.undoIfItFails(() =>
      group.inTurn(() => loadData(options, recipe, view))
    );
    const net = buildNetwork(config, recipe);
    const stepsPerEpoch = data.train.numBatches;
    const changes = optimization.describe(stepsPerEpoch);
    output.begin({
      config: run.config,
      processes: group.communicator?.processes,
      out: folder?.path,
      resumedAtStep: folder?.state?.progress.step,
      epochs: folder?.state?.progress.epochs ?? [],
      lines: [
        `device: ${formatDevice(backend)}`,
        ...formatData(data.train.summary()),
        `\n${formatLayers(net.summary())}\n`,
        `recipe: ${describeRecipe(recipe, changes, data)}`,
        ...describeTogether(group.communicator, recipe.batchSize),
        ...run.explain(),
      ],
    });
    // What this process computes of a batch.
    const { size = 1 } = group.communicator ?? {};
    const own = { ...recipe, batchSize: Math.ceil(recipe.batchSize / size) };
    output.note(explainSplit(net, own.batchSize, backend));
    if (options.tune && backend.adapter === undefined) {
      output.note("note: there is nothing to tune on the CPU");
    } else if (options.tune) {
      await tuneWith(net, own, output.note);
    } else {
      await useTuned({ onWarning });
    }
    const history = await fit(net, data.train, {
      epochs: recipe.epochs,
      precision: recipe.precision,
      optimizer: optimization.optimizer,
      schedule: optimization.scheduleOver(stepsPerEpoch),
      clipNorm: optimization.clipNorm,
      validation: data.test,
      measureTrain: options["measure-train"]
        ? _asEvaluated(data, recipe)
        : undefined,
      maxTimeMs: recipe.maxTimeMs,
      logEvery: options["log-every"],
      signal: interrupts.signal,
      checkpoints: folder && _telling(folder, output),
      resume: folder?.state,
      communicator: group.communicator,
      compression: options.compression,
      syncEvery: options["sync-every"],
      callbacks: [
        output.callbacks,
        ...optimization.callbacks,
        ...folder ? [folder.callbacks] : [],
      ],
    });
    interrupts[Symbol.dispose]();
    await group.leave();
    output.trained();
    if (history.stopped === "aborted") {
      if (group.isFirst) {
        console.error(
          `interrupted after ${history.steps} steps: ${howToResume(options)}`,
        );
      }
      output.end(history);
      return INTERRUPTED;
    }
    output.note(explainStop(history, recipe, stepsPerEpoch));
    output.note(explainSkipped(history));
    const { stopping } = optimization;
    output.note(stopping?.reason && `stopped early: ${stopping.reason}`);
    if (options.save !== undefined) {
      await saveCheckpoint(options.save, net, config);
      output.note(`saved ${options.save}`);
    }
    if (folder) await _report(folder, options, { output, view });
    output.end(history);
    return 0;
  } finally {
    view.stop();
  }
}

/** The train images without the changes that they are trained with. */
function _asEvaluated(
  { train }: FashionMnist,
  { imageSize, batchSize }: Recipe,
): DataLoader {
  const resize = imageSize === 28 ? undefined : imageSize;
  const transform = fashionMnistTransform({ resize });
  return new DataLoader(train.dataset, { batchSize, transform });
}

/** Writes the report of a run; a run that has none is a good run all the same. */
async function _report(
  { path }: RunFolder,
  options: OptionValues,
  { output, view }: { output: TrainOutput; view: ProgressView },
): Promise<void> {
  try {
    const file = await writeReport(path, {
      dataDir: options["data-dir"],
      offline: options.offline,
      onProgress: (e) => view.update(e),
    });
    view.stop();
    output.note(`wrote ${file}`);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    view.stop();
    console.error(`warning: there is no report, as ${error.message}`);
  }
}

/** Keeps states, and tells of it. */
function _telling(
  { checkpoints, path }: RunFolder,
  output: TrainOutput,
): Checkpoints {
  return {
    ...checkpoints,
    async save(state) {
      await checkpoints.save(state);
      const { checkpoints: folder } = RUN_FILES;
      output.checkpoint(join(path, folder, LAST), state.progress.step);
    },
  };
}
