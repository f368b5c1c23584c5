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

/** What is known of a network by its name. */
export interface NamedNetwork {
  /** Its name as people write it. */
  readonly title: string;
  /** Its layers, without weights and without a device. */
  readonly layers: (
    options: { classes: number; imageSize: number; dropout?: number },
  ) => SequentialOptions;
  /** Height and width of the images that it takes if nobody says otherwise. */
  readonly imageSize: number;
  /** Height and width of the smallest images that get through all layers. */
  readonly leastImageSize: number;
  /** Whether it has dropout. */
  readonly hasDropout: boolean;
}

/** Every network. */
export const NETWORKS: Readonly<Record<ModelName, NamedNetwork>> = {
  alexnet: {
    title: "AlexNet",
    layers: alexnetLayers,
    imageSize: 224,
    leastImageSize: 67,
    hasDropout: true,
  },
  lenet: {
    title: "LeNet",
    layers: lenetLayers,
    imageSize: 28,
    leastImageSize: 12,
    hasDropout: false,
  },
};

/** Names of the networks. */
export const MODEL_NAMES: readonly ModelName[] = Object.keys(
  NETWORKS,
) as ModelName[];

/** The layers of a network, without weights and without a device. */
export function namedLayers(
  config: {
    model: ModelName;
    classes: number;
    imageSize: number;
    dropout?: number;
  },
): SequentialOptions {
  const { model, ...options } = config;
  return NETWORKS[model].layers(options);
}
