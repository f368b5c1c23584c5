/**
 * `tune`: finds the fastest kernels for a training step on this adapter, for later runs.
 *
 * @module
 */

import type { TunedOperation } from "../device/device.ts";
import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../device/webgpu/run/adapter.ts";
import { BackendError } from "../errors.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { initBackend } from "../device/open.ts";
import type { Sequential } from "../nn/sequential.ts";
import { tune as tuneNetwork, type TuneOptions } from "../train/tune.ts";
import { formatDevice, formatTuned } from "./console.ts";
import { buildNetwork, checkNetwork } from "./network.ts";
import type { CommandLine } from "./options.ts";
import { recipeOf } from "./recipe.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {BackendError} If there is no WebGPU adapter.
 */
export async function tune({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, imageSize, batchSize, precision } = recipe;
  const config: ModelConfig = { model, imageSize, classes: 10 };
  checkNetwork(config, options);
  if (await findAdapter() === null) {
    throw new BackendError(
      `Cannot tune as no WebGPU adapter was found: ${NO_ADAPTER_REMEDY}`,
    );
  }
  const backend = await initBackend({ device: "webgpu" });
  const say = (text: string) => options.quiet || console.log(text);
  say(`device: ${formatDevice(backend)}`);
  say(
    `tuning a step of ${model}, ${batchSize} images${
      precision === "float32" ? "" : `, ${precision}`
    }`,
  );
  const net = buildNetwork(config, recipe);
  const found = await tuneWith(net, { batchSize, precision }, say);
  console.log(_summarize(found));
  return 0;
}

/**
 * Tunes a network and prints what is found.
 *
 * @param net The network.
 * @param step Images and precision of a step.
 * @param say Prints a line.
 * @returns What was measured.
 */
export async function tuneWith(
  net: Sequential,
  step: Pick<TuneOptions, "batchSize" | "precision">,
  say: (text: string) => void,
): Promise<TunedOperation[]> {
  return await tuneNetwork(net, {
    ...step,
    onTuned: (tuned) => say(formatTuned(tuned)),
    onWarning: (message) => console.error(`warning: ${message}`),
  });
}

function _summarize(found: readonly TunedOperation[]): string {
  if (found.length === 0) {
    return "everything had been measured before: `doctor` lists what was found";
  }
  const faster = found.filter(({ way, usual }) => way !== usual).length;
  return `${found.length} operations measured, ${faster} of them in a faster way than usual from now on`;
}
