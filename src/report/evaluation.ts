/**
 * What only the network itself can say of a run: its mistakes on the test images, and its first filters.
 *
 * @module
 */

import type { Image } from "../data/dataset.ts";
import { loadFashionMnist } from "../data/fashion_mnist/fashion_mnist.ts";
import type { FileOptions } from "../data/fashion_mnist/files.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import { DataError } from "../errors.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  type ModelConfig,
  restoreWeights,
} from "../io/checkpoint.ts";
import { checkClasses, describeModel } from "../io/model_config.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { namedLayers } from "../models/named.ts";
import { type PlacedLayer, Sequential } from "../nn/sequential.ts";
import { host } from "../platform/host.ts";
import type { RunRecords } from "../runs/read_run.ts";
import type { RunConfig } from "../runs/records.ts";
import {
  type ClassMetrics,
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "../train/predictions.ts";
import type { EvaluateOptions } from "../train/evaluate.ts";

/** How to find the test images, and how to report progress. */
export interface EvaluationOptions
  extends
    Pick<FileOptions, "dataDir" | "offline">,
    Pick<EvaluateOptions, "onProgress"> {
  /** Called while files of the data set are downloaded. */
  onDownload?: FileOptions["onProgress"];
}

/** A test image that the network takes for another class. */
export interface Mistake {
  /** Which test image, from 0. */
  readonly index: number;
  /** The image as it is in the data set. */
  readonly image: Image;
  /** Its class. */
  readonly label: number;
  /** What the network takes it for. */
  readonly predicted: number;
  /** How sure the network is of that, in [0, 1]. */
  readonly probability: number;
  /** Cross entropy with the label, in nats. */
  readonly loss: number;
}

/** A network on the test images. */
export interface RunEvaluation {
  /** Which checkpoint of the run. */
  readonly checkpoint: "best" | "last";
  /** What it predicts. */
  readonly predictions: Predictions;
  /** `[classes][classes]`: a row per true class, a column per predicted one. */
  readonly matrix: readonly (readonly number[])[];
  /** Of each class. */
  readonly metrics: readonly ClassMetrics[];
  /** The wrong predictions of the highest loss, highest first. */
  readonly mistakes: readonly Mistake[];
  /** Kernel of the first layer: `[height, width, in, out]`. */
  readonly filters: NamedTensor;
}

/** Most mistakes that are kept. */
const MAX_MISTAKES = 20;

/** Height and width of the images of the data set. */
const STORED_SIZE = 28;

/**
 * Evaluates the best checkpoint of a run, or the last one if there is no best, on the device in use. Without a
 * checkpoint there is nothing.
 */
export async function evaluateRun(
  path: string,
  config: RunConfig,
  options: EvaluationOptions = {},
): Promise<RunEvaluation | undefined> {
  const found = await loadBestOrLast(path);
  if (found === undefined) return undefined;
  const { name, checkpoint } = found;
  requireSameNetwork(checkpoint, config.model);
  checkClasses(checkpoint, MANIFEST.classNames.length);
  const { dataDir, offline, onDownload, onProgress } = options;
  const { imageSize, classes } = config.model;
  const { source, testSamples } = config.data;
  const { test } = await loadFashionMnist({
    ...{ source, testSamples, dataDir, offline, onProgress: onDownload },
    resize: imageSize === STORED_SIZE ? undefined : imageSize,
  });
  const net = new Sequential(namedLayers(config.model));
  try {
    restoreWeights(net, checkpoint);
    const predictions = await evaluatePredictions(net, test, { onProgress });
    const matrix = confusionMatrix(predictions, classes);
    return {
      checkpoint: name,
      predictions,
      matrix,
      metrics: classMetrics(matrix),
      mistakes: worst(predictions).map((mistake) => ({
        ...mistake,
        image: test.dataset.get(mistake.index).image,
      })),
      filters: checkpoint.tensors.get(net.weightNames()[0])!,
    };
  } finally {
    net.dispose();
    test.dispose();
  }
}

/** The best checkpoint, or the last. */
async function loadBestOrLast(
  path: string,
): Promise<{ name: "best" | "last"; checkpoint: Checkpoint } | undefined> {
  for (const name of ["best", "last"] as const) {
    const file = host.join(path, "checkpoints", name);
    const info = await host.stat(file).catch(() => undefined);
    if (info) return { name, checkpoint: await loadCheckpoint(file) };
  }
}

/** Checks that a checkpoint is of the network that the run names, before anything of that size is made. */
function requireSameNetwork(
  { path, config }: Checkpoint,
  expected: ModelConfig,
): void {
  const [found, named] = [config, expected].map(describeModel);
  if (found === named) return;
  throw new DataError(
    path,
    `Cannot use ${path}: it is ${found}, and config.json says ${named}`,
  );
}

function worst(
  { labels, predicted, probabilities, losses }: Predictions,
): Omit<Mistake, "image">[] {
  return Array.from(labels, (label, index) => ({
    index,
    label,
    predicted: predicted[index],
    probability: probabilities[index],
    loss: losses[index],
  }))
    .filter((sample) => sample.predicted !== sample.label)
    .sort((a, b) => b.loss - a.loss)
    .slice(0, MAX_MISTAKES);
}

/** Everything that sections are made from. */
export interface ReportContent extends RunRecords {
  /** Name of the run. */
  readonly name: string;
  /** The layers of the network. */
  readonly layers: readonly PlacedLayer[];
  /** What the network does on the test images, if there is a checkpoint. */
  readonly evaluation?: RunEvaluation;
}
