/**
 * The data set as the options of the command line say.
 *
 * @module
 */

import {
  type FashionMnist,
  loadFashionMnist,
} from "../data/fashion_mnist/fashion_mnist.ts";
import { augmentationOf } from "./augment.ts";
import type { OptionValues } from "./options.ts";
import type { ProgressView } from "./progress.ts";
import type { Recipe } from "./recipe.ts";

/**
 * Loads the images to train on and to test with.
 *
 * @param options The options of the command line.
 * @param recipe Every choice of the run.
 * @param view Shows downloads.
 * @returns Their loaders.
 * @throws {DataError} If a file is missing, damaged or cannot be downloaded.
 */
export async function loadData(
  options: OptionValues,
  recipe: Recipe,
  view: ProgressView,
): Promise<FashionMnist> {
  const { imageSize } = recipe;
  const data = await loadFashionMnist({
    ...recipe,
    resize: imageSize === 28 ? undefined : imageSize,
    dataDir: options["data-dir"],
    offline: options.offline,
    source: options.source,
    augment: augmentationOf(options.augment),
    workers: options.workers,
    onProgress: view.download,
  });
  view.stop();
  return data;
}
