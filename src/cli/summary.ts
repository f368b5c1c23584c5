/**
 * `summary`: prints the layer table of a network.
 *
 * @module
 */

import { formatLayers } from "./console.ts";
import { checkNetwork, listLayers } from "./network.ts";
import type { CommandLine } from "./options.ts";
import { recipeOf } from "./recipe.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 */
export function summary({ options }: CommandLine): number {
  const { model, imageSize } = recipeOf(options);
  const config = { model, imageSize, classes: 10 };
  checkNetwork(config, options);
  console.log(formatLayers(listLayers(config)));
  return 0;
}
