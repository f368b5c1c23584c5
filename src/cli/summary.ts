/**
 * `summary`: prints the layer table of a network, and where its batches are made.
 *
 * @module
 */

import { planForDevice } from "../data/loader/device_plan.ts";
import { fashionMnistTransform } from "../data/fashion_mnist/fashion_mnist.ts";
import { partsOf } from "../data/transforms/transform.ts";
import { augmentationOf } from "./augment.ts";
import { formatLayers } from "./console.ts";
import { checkNetwork, listLayers } from "./network.ts";
import type { CommandLine } from "./options.ts";
import { recipeOf } from "./recipe.ts";

/** Shape of the images of Fashion-MNIST. */
const IMAGE_SHAPE = [28, 28, 1] as const;

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
  const layers = formatLayers(listLayers(config));
  const transform = fashionMnistTransform({
    resize: imageSize === IMAGE_SHAPE[0] ? undefined : imageSize,
    augment: augmentationOf(options.augment),
  });
  const plan = planForDevice(transform, IMAGE_SHAPE);
  const where = typeof plan === "string"
    ? `the host, as ${plan}`
    : "the device with WebGPU, else on the host";
  const steps = partsOf(transform).map(({ description }) => description);
  console.log(`${layers}\n\nbatches: ${steps.join(", ")}; made on ${where}`);
  return 0;
}
