/**
 * `summary`: prints the layer table of a network.
 *
 * @module
 */

import { formatLayers } from "./console.ts";
import { listLayers } from "./network.ts";
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
  console.log(formatLayers(listLayers({ model, imageSize, classes: 10 })));
  return 0;
}
