/**
 * The networks that the command line knows by name: checked, built anew, or opened from a checkpoint.
 *
 * @module
 */

import { areFashionMnist, MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { LoadImageOptions } from "../data/pictures/load_image.ts";
import type { BackendInfo } from "../device/device.ts";
import { type DeviceName, initBackend } from "../device/open.ts";
import { DataError, ShapeError } from "../errors.ts";
import {
  buildNetwork,
  type Checkpoint,
  loadCheckpoint,
} from "../io/checkpoint.ts";
import {
  describeModel,
  makeTransform,
  networkIn,
  onFashionMnist,
} from "../io/network.ts";
import { namedLayers, type NamedOptions, NETWORKS } from "../models/named.ts";
import { type LayerSummary, Sequential, summarize } from "../nn/sequential.ts";
import { readConfig } from "../runs/read_run.ts";
import { findCheckpoint } from "../runs/run_checkpoints.ts";
import { useTuned } from "../train/tune.ts";
import type { OptionValues } from "./options.ts";
import type { Recipe } from "./recipe.ts";
import { UsageError, warn } from "./usage.ts";

/** Which network a recipe is for. */
export function recipeConfig({ model, resize }: Recipe): NamedOptions {
  return { model, imageSize: resize, classes: MANIFEST.classNames.length };
}

/** Builds a network with new weights, on the device in use. */
export function newNetwork(
  config: NamedOptions,
  { dropout, seed }: Pick<OptionValues, "dropout" | "seed"> = {},
): Sequential {
  return new Sequential({ ...namedLayers({ ...config, dropout }), seed });
}

/** Lists the layers of a network for a batch of one image, without a device. */
export function listLayers(config: NamedOptions): LayerSummary[] {
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
    listLayers({ ...recipeConfig(recipe), dropout });
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new UsageError(
      `Cannot use --resize ${resize} with ${model}: it takes images of at least ${leastImageSize} pixels`,
    );
  }
}

/**
 * Reads a checkpoint, or of a run folder its best one or else its last; throws a `DataError` if there is none or it is damaged. Of
 * an older run, `config.json` says what its checkpoints do not: the data.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await findCheckpoint(path);
  const checkpoint = await loadCheckpoint(file);
  const network = networkIn(checkpoint);
  const run = file === path || network.transform !== undefined
    ? undefined
    : await readConfig(path).catch(() => undefined);
  if (run?.model.classes !== checkpoint.config.classes) return checkpoint;
  const { source, classNames } = run.data;
  const isKnown = source !== "own" && areFashionMnist(classNames);
  const known = isKnown ? onFashionMnist(network) : { ...network, classNames };
  return { ...checkpoint, network: known };
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
  return { net: buildNetwork(checkpoint), backend };
}

/**
 * How pictures become what a network sees: the size of the images that it was trained on, where it is known, and then its own
 * transform. Images of many sizes were given to a transform that resizes as they were.
 */
export function pictureOptions(
  checkpoint: Checkpoint,
): Pick<LoadImageOptions, "size" | "channels" | "transform"> {
  const { path, config } = checkpoint;
  const { inputShape, imageShape, transform } = networkIn(checkpoint);
  const [height, width, channels] = imageShape ?? inputShape;
  if (channels !== 1 && channels !== 3) {
    throw new DataError(
      path,
      `Cannot use ${path} on pictures, which have 1 or 3 channels: it is ${
        describeModel(config)
      }`,
    );
  }
  const isResized = transform?.some(({ name }) => name === "resize");
  return {
    size: isResized && !imageShape ? "own" : [height, width],
    channels,
    transform: transform && makeTransform(transform),
  };
}
