/**
 * Run folders without checkpoints, that say whatever a test wants.
 *
 * @module
 */

import type { EpochRecord, RunConfig, StepRecord } from "../../src/runs/mod.ts";
import { type Folder, makeFolder } from "../data/folder.ts";
import { CONFIG } from "./made_run.ts";

/** A first step. */
export const STEP: StepRecord = {
  ...{ type: "step", epoch: 1, step: 0, loss: 2.5 },
  ...{ accuracy: 0.25, learningRate: 0.1 },
};

/** A first epoch, of that step. */
export const EPOCH: EpochRecord = {
  ...{ type: "epoch", isPartial: false, epoch: 1, loss: 2.5, steps: 1 },
  ...{ trainAccuracy: 0.25, testAccuracy: 0.5, testLoss: 2 },
  measuredTrainAccuracy: undefined,
  ...{ learningRate: 0.1, seconds: 2, waitSeconds: 1, imagesPerSecond: 9 },
};

/**
 * Makes a run folder.
 *
 * @param config Its `config.json`.
 * @param metrics Its `metrics.jsonl`.
 * @returns The folder, which is removed in the end.
 */
export async function begin(
  config: RunConfig = CONFIG,
  metrics = "",
): Promise<Folder> {
  const folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/checkpoints`);
  await Deno.writeTextFile(`${folder.path}/metrics.jsonl`, metrics);
  await Deno.writeTextFile(
    `${folder.path}/config.json`,
    JSON.stringify(config),
  );
  return folder;
}
