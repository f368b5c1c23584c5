/**
 * The networks that the command line knows by name.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import { alexnet, alexnetLayers } from "../models/alexnet.ts";
import { lenet } from "../models/lenet.ts";
import { namedLayers } from "../models/named.ts";
import type { Sequential } from "../nn/sequential.ts";
import { type LayerSummary, summarize } from "../nn/summary.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { UsageError } from "./option_kinds.ts";

/** Height and width of the smallest image that gets through all layers. */
const MIN_IMAGE_SIZE = { alexnet: 67, lenet: 12 };

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
  const { layers, inputShape } = namedLayers(config);
  return summarize(layers, inputShape).map((row) => ({
    ...row,
    outputShape: [1, ...row.outputShape],
  }));
}

/**
 * Checks what the command line says about the network, before anything takes time.
 *
 * @param config Which network.
 * @param options The options of the command line.
 * @throws {UsageError} If the images are too small for the network, or an option does not go with it.
 * @throws {OptionError} If the dropout rate is out of its range.
 */
export function checkNetwork(
  config: ModelConfig,
  options: { dropout?: number },
): void {
  const { model, imageSize } = config;
  if (options.dropout !== undefined) {
    if (model !== "alexnet") {
      throw new UsageError(
        `Cannot use --dropout with ${model}, which has none`,
      );
    }
    alexnetLayers({ ...config, dropout: options.dropout });
  }
  try {
    listLayers(config);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new UsageError(
      `Cannot use --resize ${imageSize} with ${model}: it takes images of at least ${
        MIN_IMAGE_SIZE[model]
      } pixels`,
    );
  }
}
