/** `summary`: prints the layer table of a network, and where its batches are made. */

import { planForDevice } from "../../data/loader/device_plan.ts";
import { takeApart } from "../../data/transforms/transform.ts";
import { namedLayers } from "../../models/named.ts";
import { summarize } from "../../nn/sequential.ts";
import type { CommandLine } from "../command_line.ts";
import {
  checkNetwork,
  configOf,
  IMAGE_SIZE,
  transformOf,
} from "../ingredients.ts";
import { recipeOf } from "../recipe.ts";
import { formatLayers } from "../terminal/console.ts";

/** Runs the command; returns the exit code. */
export function summary({ options }: CommandLine): number {
  const recipe = recipeOf(options);
  checkNetwork(recipe);
  const { layers, inputShape } = namedLayers(configOf(recipe));
  const rows = summarize(layers, inputShape).map((row) => ({
    ...row,
    outputShape: [1, ...row.outputShape],
  }));
  const transform = transformOf(recipe);
  const plan = planForDevice(transform, [IMAGE_SIZE, IMAGE_SIZE, 1]);
  const where = typeof plan === "string"
    ? `the host, as ${plan}`
    : "the device with WebGPU, else on the host";
  const steps = takeApart(transform).map(({ description }) => description);
  console.log(
    `${formatLayers(rows)}\n\nbatches: ${steps.join(", ")}; made on ${where}`,
  );
  return 0;
}
