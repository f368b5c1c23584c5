/**
 * `train`: trains a network on Fashion-MNIST and prints the lecture's line for every epoch.
 *
 * @module
 */

import { join } from "node:path";
import { DataLoader } from "../../data/loader/data_loader.ts";
import type { FashionMnist } from "../../data/fashion_mnist/fashion_mnist.ts";
import { AlexNetError } from "../../errors.ts";
import { saveModel } from "../../io/checkpoint.ts";
import { initBackend } from "../../device/open.ts";
import { requirePrecision } from "../../nn/layer.ts";
import { writeReport } from "../../report/write_report.ts";
import { CHECKPOINTS, LAST } from "../../runs/run_checkpoints.ts";
import type { RunFolder } from "../../runs/run_folder.ts";
import { fit } from "../../train/fit.ts";
import { requireTogether } from "../../train/replicas.ts";
import type { Checkpoints } from "../../train/state.ts";
import { useTuned } from "../../train/tune.ts";
import type { CommandLine } from "../command_line.ts";
import { ALONE, type Group, runTogether } from "../group.ts";
import { INTERRUPTED, listenForInterrupts } from "../interrupts.ts";
import { loadData, transformOf } from "../load_data.ts";
import { checkNetwork, newNetwork, recipeConfig } from "../network.ts";
import { optimizationOf } from "../optimization.ts";
import type { OptionValues } from "../options.ts";
import { type Recipe, recipeOf } from "../recipe.ts";
import { howToResume, openRun, runOptions, withoutOutput } from "../run.ts";
import { formatData, formatDevice, formatLayers } from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";
import { checkWritable, warn } from "../usage.ts";
import {
  describeRecipe,
  describeTogether,
  explainSkipped,
  explainSplit,
  explainStop,
  SILENT,
  type TrainOutput,
  trainOutput,
} from "./train_output.ts";
import { tuneWith } from "./tune.ts";

/** Runs the command; returns the exit code. */
export async function train({ options }: CommandLine): Promise<number> {
  if (options.distributed) {
    return await runTogether((group) => trainIn(group, options), {
      silenceMs: options["rank-timeout"],
      verbose: options.verbose,
    });
  }
  return await trainIn(ALONE, options);
}

/** Completes the options, and checks what can be checked before anything takes time. */
async function complete(given: OptionValues): Promise<Recipe> {
  const recipe = recipeOf(await runOptions(given));
  checkNetwork(recipe);
  optimizationOf(recipe);
  requireTogether({
    compression: recipe.compression,
    syncEvery: recipe["sync-every"],
    precision: recipe.precision,
    everySteps: recipe["checkpoint-every"],
  });
  if (recipe.save !== undefined) await checkWritable("--save", recipe.save);
  return recipe;
}

async function trainIn(group: Group, given: OptionValues): Promise<number> {
  const whole = await group.byFirst(() => complete(given));
  const recipe = group.isFirst ? whole : withoutOutput(whole);
  const { precision, epochs, "batch-size": batchSize } = recipe;
  const config = recipeConfig(recipe);
  const optimization = optimizationOf(recipe);
  const view = new ProgressView({
    ...recipe,
    quiet: recipe.quiet || recipe.json,
  });
  const output = group.isFirst ? trainOutput(recipe, view) : SILENT;
  const onWarning = (message: string) => {
    if (group.isFirst) warn(message);
  };
  // Comes before anything is printed, as Deno clears the line of a terminal when a worker starts.
  using interrupts = await listenForInterrupts();
  try {
    const backend = await group.together(async () => {
      const info = await initBackend({ device: recipe.device, onWarning });
      requirePrecision(precision);
      return info;
    });
    using run = await group.together(() =>
      openRun({ recipe, model: config, backend })
    );
    const { folder } = run;
    const data = await run.undoIfItFails(() =>
      group.inTurn(() => loadData(recipe, view))
    );
    const net = newNetwork(config, recipe);
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
        ...describeTogether(group.communicator, batchSize),
        ...run.explain(),
      ],
    });
    // Each process computes its part of a batch.
    const { size = 1 } = group.communicator ?? {};
    const own = { precision, batchSize: Math.ceil(batchSize / size) };
    output.note(explainSplit(net, own.batchSize, backend));
    if (recipe.tune && backend.adapter === undefined) {
      output.note("note: there is nothing to tune on the CPU");
    } else if (recipe.tune) {
      await tuneWith(net, own, output.note);
    } else {
      await useTuned({ onWarning });
    }
    const history = await fit(net, data.train, {
      epochs,
      precision,
      optimizer: optimization.optimizer,
      schedule: optimization.scheduleOver(stepsPerEpoch),
      clipNorm: optimization.clipNorm,
      validation: data.test,
      measureTrain: recipe["measure-train"]
        ? asEvaluated(data, recipe)
        : undefined,
      maxTimeMs: recipe["max-time"],
      logEvery: recipe["log-every"],
      signal: interrupts.signal,
      checkpoints: folder && announcing(folder, output),
      resume: folder?.state,
      communicator: group.communicator,
      compression: recipe.compression,
      syncEvery: recipe["sync-every"],
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
          `interrupted after ${history.steps} steps: ${howToResume(recipe)}`,
        );
      }
      output.end(history);
      return INTERRUPTED;
    }
    output.note(explainStop(history, recipe, stepsPerEpoch));
    output.note(explainSkipped(history));
    const { stopping } = optimization;
    output.note(stopping?.reason && `stopped early: ${stopping.reason}`);
    if (recipe.save !== undefined) {
      await saveModel(recipe.save, net, { data: data.test });
      output.note(`saved ${recipe.save}`);
    }
    if (folder) await report(folder, recipe, { output, view });
    output.end(history);
    return 0;
  } finally {
    view.stop();
  }
}

/** The train images without the random changes that they are trained with. */
function asEvaluated({ train }: FashionMnist, recipe: Recipe): DataLoader {
  return new DataLoader(train.dataset, {
    batchSize: recipe["batch-size"],
    transform: transformOf({ resize: recipe.resize }),
  });
}

/** Writes the report of a run; if that fails, the run is still a good one. */
async function report(
  { path }: RunFolder,
  recipe: Recipe,
  { output, view }: { output: TrainOutput; view: ProgressView },
): Promise<void> {
  try {
    const file = await writeReport(path, {
      dataDir: recipe["data-dir"],
      offline: recipe.offline,
      onProgress: (e) => view.update(e),
    });
    view.stop();
    output.note(`wrote ${file}`);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    view.stop();
    warn(`there is no report, as ${error.message}`);
  }
}

/** Keeps checkpoints in the folder, and says of each that it was written. */
function announcing(
  { checkpoints, path }: RunFolder,
  output: TrainOutput,
): Checkpoints {
  return {
    ...checkpoints,
    async save(state) {
      await checkpoints.save(state);
      output.checkpoint(join(path, CHECKPOINTS, LAST), state.progress.step);
    },
  };
}
