/**
 * `summary`: prints the layer table of a network, and where its batches are made.
 *
 * @module
 */

import { planForDevice } from "../../data/loader/device_plan.ts";
import { takeApart } from "../../data/transforms/transform.ts";
import type { CommandLine } from "../command_line.ts";
import { IMAGE_SIZE, transformOf } from "../load_data.ts";
import { checkNetwork, configOf, listLayers } from "../network.ts";
import { recipeOf } from "../recipe.ts";
import { formatLayers } from "../terminal/console.ts";

/** Runs the command; returns the exit code. */
export function summary({ options }: CommandLine): number {
  const recipe = recipeOf(options);
  checkNetwork(recipe);
  const layers = formatLayers(listLayers(configOf(recipe)));
  const transform = transformOf(recipe);
  const plan = planForDevice(transform, [IMAGE_SIZE, IMAGE_SIZE, 1]);
  const where = typeof plan === "string"
    ? `the host, as ${plan}`
    : "the device with WebGPU, else on the host";
  const steps = takeApart(transform).map(({ description }) => description);
  console.log(`${layers}\n\nbatches: ${steps.join(", ")}; made on ${where}`);
  return 0;
}
