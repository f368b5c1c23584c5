/**
 * The networks by their names.
 *
 * @module
 */

import type { SequentialOptions } from "../nn/sequential.ts";
import { alexnetLayers } from "./alexnet.ts";
import { lenetLayers } from "./lenet.ts";

/** Name of a network. */
export type ModelName = "alexnet" | "lenet";

/** Names of the networks. */
export const MODEL_NAMES: readonly ModelName[] = ["alexnet", "lenet"];

/** Height and width of the images that each network takes by default. */
export const DEFAULT_IMAGE_SIZES: Readonly<Record<ModelName, number>> = {
  alexnet: 224,
  lenet: 28,
};

/** The layers of a network, without weights and without a device. */
export function namedLayers(
  config: { model: ModelName; classes: number; imageSize: number },
): SequentialOptions {
  const { model, classes, imageSize } = config;
  return model === "alexnet"
    ? alexnetLayers({ classes, imageSize })
    : lenetLayers({ classes, imageSize });
}
