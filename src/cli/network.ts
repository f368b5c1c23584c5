/**
 * The networks that the command line knows by name.
 *
 * @module
 */

import { alexnet, alexnetLayers } from "../models/alexnet.ts";
import { lenet, lenetLayers } from "../models/lenet.ts";
import type { Sequential } from "../nn/sequential.ts";
import { type LayerSummary, summarize } from "../nn/summary.ts";
import type { ModelConfig } from "../io/checkpoint.ts";

/**
 * Builds a network by name, on the device in use.
 *
 * @param config Which network.
 * @param options Dropout (AlexNet only) and seed.
 * @returns The network with new weights.
 */
export function buildNetwork(
  config: ModelConfig,
  options: { dropout?: number; seed?: number } = {},
): Sequential {
  return config.model === "alexnet"
    ? alexnet({ ...config, ...options })
    : lenet({ ...config, seed: options.seed });
}

/**
 * Lists the layers of a network by name, without a device.
 *
 * @param config Which network.
 * @returns A row per layer, for a batch of one image.
 */
export function listLayers(config: ModelConfig): LayerSummary[] {
  const { layers, inputShape } = config.model === "alexnet"
    ? alexnetLayers(config)
    : lenetLayers(config);
  return summarize(layers, inputShape).map((row) => ({
    ...row,
    outputShape: [1, ...row.outputShape],
  }));
}
