/**
 * The data set as the options of the command line say.
 *
 * @module
 */

import {
  type FashionMnist,
  type FashionMnistOptions,
  fashionMnistTransform,
  loadFashionMnist,
} from "../data/fashion_mnist/fashion_mnist.ts";
import {
  compose,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  type Transform,
} from "../data/transforms/mod.ts";
import type { OptionValues } from "./options.ts";
import type { ProgressView } from "./terminal/progress.ts";

/** Height and width of the images of the data set. */
export const IMAGE_SIZE = 28;

/** The changes that `--augment` names; those that a device can do come first. */
const AUGMENTATIONS = {
  crop: () => randomCrop(IMAGE_SIZE, { padding: 4 }),
  flip: () => randomHorizontalFlip(),
  erase: () => randomErasing(),
} satisfies Record<NonNullable<OptionValues["augment"]>[number], unknown>;

/** What is done to images: they are resized if they must be, and those to train on are changed at random before. */
function changesOf(
  { resize, augment }: Pick<OptionValues, "resize" | "augment">,
): Pick<FashionMnistOptions, "resize" | "augment"> {
  return {
    resize: resize === IMAGE_SIZE ? undefined : resize,
    augment: augment && compose(augment.map((name) => AUGMENTATIONS[name]())),
  };
}

/** What is done to an image of the data set before a network gets it. */
export function transformOf(
  options: Pick<OptionValues, "resize" | "augment">,
): Transform {
  return fashionMnistTransform(changesOf(options));
}

/** Loads the images to train on and to test with; `view` shows downloads. */
export async function loadData(
  options: OptionValues,
  view: ProgressView,
  more: Pick<FashionMnistOptions, "batchSize" | "shuffle" | "transforms"> = {},
): Promise<FashionMnist> {
  const data = await loadFashionMnist({
    batchSize: options["batch-size"],
    seed: options.seed,
    trainSamples: options["train-samples"],
    testSamples: options["test-samples"],
    dataDir: options["data-dir"],
    offline: options.offline,
    source: options.source,
    workers: options.workers,
    onProgress: view.download,
    ...changesOf(options),
    ...more,
  });
  view.stop();
  return data;
}
