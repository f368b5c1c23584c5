/**
 * `tune`: finds the fastest kernels for a training step on this adapter, for later runs.
 *
 * @module
 */

import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../../device/webgpu/run/adapter.ts";
import { BackendError } from "../../errors.ts";
import { initBackend } from "../../device/open.ts";
import type { Sequential } from "../../nn/sequential.ts";
import { tune as tuneNetwork, type TuneOptions } from "../../train/tune.ts";
import type { TunedOperation } from "../../device/device.ts";
import type { CommandLine } from "../command_line.ts";
import { checkNetwork, newNetwork, recipeConfig } from "../network.ts";
import { recipeOf } from "../recipe.ts";
import { formatDevice, formatTuned } from "../terminal/console.ts";
import { warn } from "../usage.ts";

/** Runs the command; returns the exit code. */
export async function tune({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, precision, "batch-size": batchSize } = recipe;
  checkNetwork(recipe);
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
  const net = newNetwork(recipeConfig(recipe), recipe);
  const found = await tuneWith(net, { batchSize, precision }, say);
  console.log(summarize(found));
  return 0;
}

/** Tunes a step of a network, and prints with `say` what is found. */
export async function tuneWith(
  net: Sequential,
  step: Pick<TuneOptions, "batchSize" | "precision">,
  say: (text: string) => void,
): Promise<TunedOperation[]> {
  return await tuneNetwork(net, {
    ...step,
    onTuned: (tuned) => say(formatTuned(tuned)),
    onWarning: warn,
  });
}

function summarize(found: readonly TunedOperation[]): string {
  if (found.length === 0) {
    return "everything had been measured before: `doctor` lists what was found";
  }
  const faster = found.filter(({ way, usual }) => way !== usual).length;
  return `${found.length} operations measured, ${faster} of them in a faster way than usual from now on`;
}
