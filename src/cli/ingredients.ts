/** What a recipe is made of: the network, built anew or opened from a checkpoint, the device, and the data. */

import {
  type FashionMnist,
  type FashionMnistOptions,
  fashionMnistTransform,
  loadFashionMnist,
} from "../data/fashion_mnist/fashion_mnist.ts";
import { isFashionMnist, MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { LoadImageOptions } from "../data/pictures/load_image.ts";
import {
  compose,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  type Transform,
} from "../data/transforms/mod.ts";
import type { BackendInfo } from "../device/device.ts";
import { type DeviceName, initBackend } from "../device/open.ts";
import { DataError } from "../errors.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  restoreNetwork,
} from "../io/checkpoint.ts";
import {
  describeModel,
  makeTransform,
  networkIn,
  onFashionMnist,
} from "../io/network.ts";
import { namedLayers, type NamedOptions, NETWORKS } from "../models/named.ts";
import { Sequential } from "../nn/sequential.ts";
import { readConfig } from "../runs/read_run.ts";
import { findCheckpoint } from "../runs/run_checkpoints.ts";
import { useTuned } from "../train/tune.ts";
import { warn } from "./command_line.ts";
import { type OptionValues, UsageError } from "./options.ts";
import type { Recipe } from "./recipe.ts";
import type { ProgressView } from "./terminal/progress.ts";

/** Which network a recipe is for. */
export function configOf({ model, resize }: Recipe): NamedOptions {
  return { model, imageSize: resize, classes: MANIFEST.classNames.length };
}

/** Builds a network with new weights, on the device in use. */
export function buildNetwork(
  config: NamedOptions,
  { dropout, seed }: Pick<OptionValues, "dropout" | "seed"> = {},
): Sequential {
  return new Sequential({ ...namedLayers({ ...config, dropout }), seed });
}

/**
 * Checks what a recipe says of the network, before anything takes time: throws a {@linkcode UsageError} if the images are too
 * small or the network has no dropout, an `OptionError` if the dropout rate is out of its range.
 */
export function checkNetwork(recipe: Recipe): void {
  const { model, resize, dropout } = recipe;
  const { hasDropout, leastImageSize } = NETWORKS[model];
  if (dropout !== undefined && !hasDropout) {
    throw new UsageError(`Cannot use --dropout with ${model}, which has none`);
  }
  if (resize < leastImageSize) {
    throw new UsageError(
      `Cannot use --resize ${resize} with ${model}: it takes images of at least ${leastImageSize} pixels`,
    );
  }
  // Refuses a dropout rate out of its range.
  namedLayers({ ...configOf(recipe), dropout });
}

/** Opens a device, and uses what was tuned on it. */
export async function openTuned(device?: DeviceName): Promise<BackendInfo> {
  const backend = await initBackend({ device, onWarning: warn });
  await useTuned({ onWarning: warn });
  return backend;
}

/**
 * Reads a checkpoint, or of a run folder the best one or else the last. What the checkpoint of an older run does not say of its
 * data, its `config.json` says.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await findCheckpoint(path);
  const checkpoint = await loadCheckpoint(file);
  const network = networkIn(checkpoint);
  const run = file === path || network.transform !== undefined
    ? undefined
    : await readConfig(path).catch(() => undefined);
  if (run?.model.classes !== checkpoint.config.classes) return checkpoint;
  const { classNames } = run.data;
  const known = isFashionMnist(run.data)
    ? onFashionMnist(network)
    : { ...network, classNames };
  return { ...checkpoint, network: known };
}

/**
 * How pictures become what a network sees. They are fitted to the size of the images that it was trained on, where that is known,
 * in their own form. A transform that resizes images of many sizes gets the pictures as they are.
 */
export function pictureOptions(
  checkpoint: Checkpoint,
): Pick<LoadImageOptions, "size" | "fit" | "channels" | "transform"> {
  const { path, config } = checkpoint;
  const { inputShape, transform, ...known } = networkIn(checkpoint);
  // Without its transform, an image has the network's own size.
  const imageShape = transform && known.imageShape;
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
    fit: imageShape && "pad",
    channels,
    transform: transform && makeTransform(transform),
  };
}

/** Opens a device and builds the network of a checkpoint on it, with its weights. */
export async function openNetwork(
  checkpoint: Checkpoint,
  { device }: { device?: DeviceName },
): Promise<{ net: Sequential; backend: BackendInfo }> {
  const backend = await openTuned(device);
  return { net: restoreNetwork(checkpoint), backend };
}

/** Height and width of the images of the data set. */
export const IMAGE_SIZE = 28;

/** The changes that `--augment` names. */
const AUGMENTATIONS = {
  crop: () => randomCrop(IMAGE_SIZE, { padding: 4 }),
  flip: () => randomHorizontalFlip(),
  erase: () => randomErasing(),
} satisfies Record<NonNullable<OptionValues["augment"]>[number], unknown>;

/** What options say of the changes of images. */
type Changes = Pick<OptionValues, "resize" | "augment">;

/** What is done to an image of the data set before a network gets it. */
export function transformOf(options: Changes): Transform {
  return fashionMnistTransform(changesOf(options));
}

function changesOf(
  { resize, augment }: Changes,
): Pick<FashionMnistOptions, "resize" | "augment"> {
  return {
    resize: resize === IMAGE_SIZE ? undefined : resize,
    augment: augment && compose(augment.map((name) => AUGMENTATIONS[name]())),
  };
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
