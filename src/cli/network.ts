/**
 * The networks that the command line knows by name: checked, built anew, or opened from a checkpoint.
 *
 * @module
 */

import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { BackendInfo } from "../device/device.ts";
import { type DeviceName, initBackend } from "../device/open.ts";
import { ShapeError } from "../errors.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  type ModelConfig,
  restoreWeights,
} from "../io/checkpoint.ts";
import { namedLayers, NETWORKS } from "../models/named.ts";
import { type LayerSummary, Sequential, summarize } from "../nn/sequential.ts";
import { findCheckpoint } from "../runs/run_checkpoints.ts";
import { useTuned } from "../train/tune.ts";
import type { OptionValues } from "./options.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError, warn } from "./usage.ts";

/** Which network a recipe is for. */
export function configOf({ model, resize }: Recipe): ModelConfig {
  return { model, imageSize: resize, classes: MANIFEST.classNames.length };
}

/** Builds a network with new weights, on the device in use. */
export function buildNetwork(
  config: ModelConfig,
  { dropout, seed }: Pick<OptionValues, "dropout" | "seed"> = {},
): Sequential {
  return new Sequential({ ...namedLayers({ ...config, dropout }), seed });
}

/** Lists the layers of a network for a batch of one image, without a device. */
export function listLayers(
  config: ModelConfig & { dropout?: number },
): LayerSummary[] {
  const { layers, inputShape } = namedLayers(config);
  return summarize(layers, inputShape).map((row) => ({
    ...row,
    outputShape: [1, ...row.outputShape],
  }));
}

/**
 * Checks what the command line says about the network, before anything takes time: throws a {@linkcode UsageError} if the
 * images are too small or an option does not go with the network, an `OptionError` if the dropout rate is out of its range.
 */
export function checkNetwork(recipe: Recipe): void {
  const { model, resize, dropout } = recipe;
  const { hasDropout, leastImageSize } = NETWORKS[model];
  if (dropout !== undefined && !hasDropout) {
    throw new UsageError(
      `Cannot use --dropout with ${model}, which has none`,
    );
  }
  try {
    listLayers({ ...configOf(recipe), dropout });
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new UsageError(
      `Cannot use --resize ${resize} with ${model}: it takes images of at least ${leastImageSize} pixels`,
    );
  }
}

/** Reads a checkpoint, or of a run folder its best one or else its last; throws a `DataError` if there is none or it is damaged. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return await loadCheckpoint(await findCheckpoint(path));
}

/** Opens a device, with what was tuned on it. */
export async function openDevice(device?: DeviceName): Promise<BackendInfo> {
  const backend = await initBackend({ device, onWarning: warn });
  await useTuned({ onWarning: warn });
  return backend;
}

/** Opens a device and builds the network of a checkpoint on it, with its weights. */
export async function openNetwork(
  checkpoint: Checkpoint,
  { device }: { device?: DeviceName },
): Promise<{ net: Sequential; backend: BackendInfo }> {
  const backend = await openDevice(device);
  const net = buildNetwork(checkpoint.config);
  restoreWeights(net, checkpoint);
  return { net, backend };
}

/** Names the classes of a network: those of Fashion-MNIST where it has as many, else their numbers. */
export function classNamesOf({ classes }: ModelConfig): readonly string[] {
  const { classNames } = MANIFEST;
  if (classes === classNames.length) return classNames;
  return Array.from({ length: classes }, (_, label) => `${label}`);
}
