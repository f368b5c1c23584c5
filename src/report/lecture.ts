/** What the lecture's networks reached, to compare a run with. */

import { isFashionMnist } from "../data/fashion_mnist/manifest.ts";
import type { ModelName } from "../models/named.ts";
import type { RunConfig } from "../runs/records.ts";

/** An epoch, of a run or of the lecture, and what is known of it: losses in nats, accuracies in [0, 1]. */
export interface EpochFigures {
  readonly epoch: number;
  readonly loss?: number;
  readonly testLoss?: number;
  readonly trainAccuracy?: number;
  readonly testAccuracy?: number;
  readonly measuredTrainAccuracy?: number;
}

/** Name of a figure of an epoch. */
export type EpochFigure = Exclude<keyof EpochFigures, "epoch">;

/** Whether a figure of at least one of the epochs is known. */
export function hasFigure(
  epochs: readonly EpochFigures[],
  figure: EpochFigure,
): boolean {
  return epochs.some((epoch) => epoch[figure] !== undefined);
}

/** A run of the lecture. */
export interface LectureRun {
  /** Where the figures are from. */
  readonly source: string;
  /** What it was trained with, by the names of a run's recipe. "none" means that the recipe has no such entry. */
  readonly recipe: Readonly<Record<string, number | string>>;
  readonly epochs: readonly EpochFigures[];
}

/** What both networks were trained with: plain SGD on all of Fashion-MNIST. */
const RECIPE = {
  optimizer: "sgd",
  schedule: "constant",
  "warmup-epochs": 0,
  momentum: 0,
  "weight-decay": 0,
  "clip-norm": "none",
  "early-stopping": "none",
  precision: "float32",
  augment: "none",
  "train-samples": 60_000,
  "test-samples": 10_000,
};

/** The lecture's run of the same network. Of a network or data that the lecture does not have, nothing is known. */
export function lectureOf({ model, data }: RunConfig): LectureRun {
  return model.model === "own" || !isFashionMnist(data)
    ? { source: "", recipe: {}, epochs: [] }
    : LECTURE[model.model];
}

/** The runs by network. */
const LECTURE: Readonly<Record<ModelName, LectureRun>> = {
  alexnet: {
    source:
      "the lecture that this project implements, AlexNet on one GPU, 16.6 to 22.5 s an epoch",
    recipe: {
      "batch-size": 128,
      "learning-rate": 0.01,
      dropout: 0.5,
      resize: 224,
      ...RECIPE,
    },
    epochs: [
      { epoch: 1, loss: 1.3052, trainAccuracy: 0.509, testAccuracy: 0.745 },
      { epoch: 2, loss: 0.6477, trainAccuracy: 0.756, testAccuracy: 0.815 },
      { epoch: 3, loss: 0.5331, trainAccuracy: 0.803, testAccuracy: 0.831 },
      { epoch: 4, loss: 0.4651, trainAccuracy: 0.829, testAccuracy: 0.855 },
      { epoch: 5, loss: 0.4276, trainAccuracy: 0.844, testAccuracy: 0.867 },
    ],
  },
  lenet: {
    source:
      "the same lecture's LeNet on a CPU, 16.6 s an epoch; of it only the test accuracies are known",
    recipe: {
      "batch-size": 256,
      "learning-rate": 0.9,
      resize: 28,
      ...RECIPE,
    },
    epochs: [0.1, 0.548, 0.645, 0.739, 0.764]
      .map((testAccuracy, i) => ({ epoch: i + 1, testAccuracy })),
  },
};
