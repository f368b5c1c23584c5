/** What only the network itself can say of a run: its mistakes on the test images, and its first filters. */

import type { Image } from "../data/dataset.ts";
import { loadFashionMnist } from "../data/fashion_mnist/fashion_mnist.ts";
import type { FileOptions } from "../data/fashion_mnist/files.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  restoreNetwork,
  transformForFashionMnist,
} from "../io/checkpoint.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { LayerSummary } from "../nn/sequential.ts";
import { host } from "../platform/host.ts";
import type { RunRecords } from "../runs/read_run.ts";
import type { RunConfig } from "../runs/records.ts";
import { findBestOrLast, requireSameNetwork } from "../runs/run_checkpoints.ts";
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

/** A network on the test images. */
export interface RunEvaluation {
  /** Name of the checkpoint that was evaluated: "best" or "last". */
  readonly checkpoint: string;
  readonly classNames: readonly string[];
  readonly predictions: Predictions;
  /** `[classes][classes]`: a row per true class, a column per predicted one. */
  readonly matrix: readonly (readonly number[])[];
  readonly metrics: readonly ClassMetrics[];
  /** The images whose predictions are wrong and have the highest loss, highest first, and their positions in the data. */
  readonly mistakes: readonly { index: number; image: Image }[];
  /** Kernel of the first layer: `[height, width, in, out]`. */
  readonly filters: NamedTensor;
}

/** Most mistakes that are kept. */
const MAX_MISTAKES = 20;

/** Reads the best checkpoint of a run, or the last one if there is no best; undefined without both. */
export async function readBest(
  path: string,
  config: RunConfig,
): Promise<Checkpoint | undefined> {
  const file = await findBestOrLast(path);
  if (file === undefined) return undefined;
  const checkpoint = await loadCheckpoint(file);
  requireSameNetwork(checkpoint, config.model);
  return checkpoint;
}

/** Evaluates a checkpoint of a run on Fashion-MNIST on the device in use. */
export async function evaluateRun(
  checkpoint: Checkpoint,
  { data }: RunConfig,
  options: EvaluationOptions = {},
): Promise<RunEvaluation> {
  const transforms = transformForFashionMnist(checkpoint);
  const { path, tensors } = checkpoint;
  const { dataDir, offline, onDownload, onProgress } = options;
  const { testSamples, classNames } = data;
  const source = data.source === "sample" ? "sample" : "full";
  const { test } = await loadFashionMnist({
    ...{ source, testSamples, dataDir, offline, onProgress: onDownload },
    transforms,
  });
  using disposables = new DisposableStack();
  disposables.use(test);
  const net = restoreNetwork(checkpoint);
  disposables.defer(() => net.dispose());
  const predictions = await evaluatePredictions(net, test, { onProgress });
  const matrix = confusionMatrix(predictions, classNames.length);
  const { labels, predicted, losses } = predictions;
  const worst = [...labels.keys()]
    .filter((i) => predicted[i] !== labels[i])
    .sort((a, b) => losses[b] - losses[a])
    .slice(0, MAX_MISTAKES);
  return {
    checkpoint: host.nameOf(path),
    classNames,
    predictions,
    matrix,
    metrics: classMetrics(matrix),
    mistakes: worst.map((index) => ({
      index,
      image: test.dataset.get(index).image,
    })),
    filters: tensors.get(net.weightNames()[0])!,
  };
}

/** Everything that sections are made from. */
export interface ReportContent extends RunRecords {
  /** Name of the run. */
  readonly name: string;
  readonly layers: readonly LayerSummary[];
  /** What the network does on the test images, if there is a checkpoint. */
  readonly evaluation?: RunEvaluation;
}
