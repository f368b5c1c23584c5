/** `train`: trains a network on Fashion-MNIST and prints the lecture's line for every epoch. */

import { join } from "node:path";
import { DataLoader } from "../../data/loader/data_loader.ts";
import { device } from "../../device/device.ts";
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
import { tune, useTuned } from "../../train/tune.ts";
import { checkWritable, type CommandLine, warn } from "../command_line.ts";
import { Group, runTogether } from "../group.ts";
import {
  buildNetwork,
  checkNetwork,
  configOf,
  loadData,
  transformOf,
} from "../ingredients.ts";
import { INTERRUPTED, listenForInterrupts } from "../interrupts.ts";
import type { OptionValues } from "../options.ts";
import { optimizationOf, type Recipe, recipeOf } from "../recipe.ts";
import {
  describeRun,
  explainRun,
  howToResume,
  openRun,
  runOptions,
} from "../run.ts";
import {
  formatData,
  formatDevice,
  formatLayers,
  formatTuned,
} from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";
import {
  describeRecipe,
  describeTogether,
  explainEnd,
  explainSplit,
  type TrainOutput,
  trainOutput,
} from "./train_output.ts";

/** Runs the command; returns the exit code. */
export async function train({ options }: CommandLine): Promise<number> {
  if (options.distributed) {
    return await runTogether((group) => trainIn(group, options), {
      silenceMs: options["rank-timeout"],
      verbose: options.verbose,
    });
  }
  return await trainIn(new Group(), options);
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
  const recipe = await group.byFirst(() => complete(given));
  // Only the first process prints and writes.
  const { isFirst, communicator } = group;
  if (!isFirst) recipe.out = recipe.resume = recipe.save = undefined;
  const { precision, epochs, "batch-size": batchSize } = recipe;
  const optimization = optimizationOf(recipe);
  const quiet = recipe.quiet || recipe.json || !isFirst;
  using view = new ProgressView({ ...recipe, quiet });
  const output = trainOutput(recipe, { view, isFirst });
  const onWarning = (message: string) => isFirst && warn(message);
  // Comes before anything is printed, as Deno clears the line of a terminal when a worker starts.
  using interrupts = await listenForInterrupts();
  const backend = await group.together(async () => {
    const info = await initBackend({ device: recipe.device, onWarning });
    requirePrecision(precision);
    return info;
  });
  const model = configOf(recipe);
  const parts = { recipe, model, backend };
  using folder = await group.together(() => openRun(parts));
  const data = await group.inTurn(() => loadData(recipe, view))
    .catch(async (error) => {
      // A run that has not begun leaves nothing behind.
      if (recipe.resume === undefined) await folder?.remove();
      throw error;
    });
  const net = buildNetwork(model, recipe);
  const stepsPerEpoch = data.train.numBatches;
  const { progress } = folder?.state ?? {};
  output.begin({
    config: folder?.config ?? describeRun(parts),
    processes: communicator?.processes,
    out: folder?.path,
    resumedAtStep: progress?.step,
  }, {
    epochs: progress?.epochs ?? [],
    lines: [
      `device: ${formatDevice(backend)}`,
      ...formatData(data.train.summary()),
      `\n${formatLayers(net.summary())}\n`,
      `recipe: ${
        describeRecipe(recipe, optimization.describe(stepsPerEpoch), data)
      }`,
      ...describeTogether(communicator, batchSize),
      ...folder ? explainRun(folder, parts) : [],
    ],
  });
  // Each process computes its part of a batch.
  const ownSize = Math.ceil(batchSize / (communicator?.size ?? 1));
  output.note(explainSplit(net, ownSize, backend));
  if (recipe.tune && device().tuner === undefined) {
    output.note("note: there is nothing to tune on the CPU");
  } else if (recipe.tune) {
    await tune(net, {
      precision,
      batchSize: ownSize,
      onTuned: (tuned) => output.note(formatTuned(tuned)),
      onWarning,
    });
  } else {
    await useTuned({ onWarning });
  }
  const history = await fit(net, data.train, {
    epochs,
    precision,
    optimizer: optimization.optimizer,
    schedule: optimization.scheduleOver(stepsPerEpoch),
    clipNorm: recipe["clip-norm"],
    validation: data.test,
    measureTrain: recipe["measure-train"]
      ? asEvaluated(data, recipe)
      : undefined,
    maxTimeMs: recipe["max-time"],
    logEvery: recipe["log-every"],
    signal: interrupts.signal,
    checkpoints: folder && announcing(folder, output),
    resume: folder?.state,
    communicator,
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
  view.end();
  if (history.stopped === "aborted") {
    if (isFirst) {
      console.error(
        `interrupted after ${history.steps} steps: ${howToResume(recipe)}`,
      );
    }
    output.end(history);
    return INTERRUPTED;
  }
  const { reason } = optimization.stopping ?? {};
  explainEnd(history, recipe, { stepsPerEpoch, reason }).forEach(output.note);
  if (recipe.save !== undefined) {
    await saveModel(recipe.save, net, { data: data.test });
    output.note(`saved ${recipe.save}`);
  }
  if (folder) await reportOn(folder, recipe, { output, view });
  output.end(history);
  return 0;
}

/** The train images without the random changes that they are trained with. */
function asEvaluated({ train }: FashionMnist, recipe: Recipe): DataLoader {
  return new DataLoader(train.dataset, {
    batchSize: recipe["batch-size"],
    transform: transformOf({ resize: recipe.resize }),
  });
}

/** Writes the report of a run; if that fails, the run is still a good one. */
async function reportOn(
  { path }: RunFolder,
  recipe: Recipe,
  { output, view }: { output: TrainOutput; view: ProgressView },
): Promise<void> {
  try {
    const file = await writeReport(path, {
      dataDir: recipe["data-dir"],
      offline: recipe.offline,
      onProgress: view.update,
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
      const file = join(path, CHECKPOINTS, LAST);
      output.checkpoint(file, state.progress.step);
    },
  };
}
