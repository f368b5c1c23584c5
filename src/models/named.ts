/** The networks by their names. */

import type { SequentialOptions } from "../nn/sequential.ts";
import { alexnetLayers } from "./alexnet.ts";
import { lenetLayers } from "./lenet.ts";

/** Name of a network. */
export type ModelName = "alexnet" | "lenet";

/** A name, and the options of its network. */
export interface NamedOptions {
  readonly model: ModelName;
  readonly classes: number;
  readonly imageSize: number;
  readonly channels?: number;
  readonly dropout?: number;
}

/** What is known of a network by its name. */
interface NamedNetwork {
  /** Its name as people write it. */
  readonly title: string;
  /** Its layers, without weights and without a device. */
  readonly layers: (options: Omit<NamedOptions, "model">) => SequentialOptions;
  /** Height and width of the images that it takes if nobody says otherwise. */
  readonly imageSize: number;
  /** Height and width of the smallest images that get through all layers. */
  readonly leastImageSize: number;
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
export const MODEL_NAMES = Object.keys(NETWORKS) as readonly ModelName[];

/** The layers of a network, without weights and without a device. */
export function namedLayers(options: NamedOptions): SequentialOptions {
  return NETWORKS[options.model].layers(options);
}
