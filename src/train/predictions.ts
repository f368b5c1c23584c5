/** What a network predicts for images: their most likely classes, and which classes it confuses. */

import type { Image } from "../data/dataset.ts";
import { toTensor } from "../data/transforms/values.ts";
import { throwIfDeviceFailed } from "../device/device.ts";
import { ensureBackend } from "../device/open.ts";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../device/tf.ts";
import { AlexNetError, OptionError, ShapeError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import { requireInteger } from "../options.ts";
import { type BatchSource, requireClasses } from "./batch_source.ts";
import { type EvaluateOptions, measure } from "./evaluate.ts";

/** Options of {@linkcode classify}. */
export interface ClassifyOptions {
  /** What class 0, 1, ... means. Default: "0", "1" and so on. */
  classNames?: readonly string[];
  /** How many of the most likely classes to give, at most all. Default 3. */
  top?: number;
}

/** A class that an image may be of. */
export interface ClassProbability {
  /** Which class, from 0. */
  readonly label: number;
  /** Its name. */
  readonly className: string;
  /** How likely the network finds it, in [0, 1]; the probabilities of all classes add up to 1. */
  readonly probability: number;
}

/**
 * Says what images show, with dropout off. Batches larger than the adapter can bind are split.
 *
 * @example
 * ```ts ignore
 * const image = await loadImage("boot.png");
 * const [[best]] = await classify(net, [image], { classNames });
 * console.log(best.className, best.probability);
 * ```
 *
 * @param net The network.
 * @param images float32 `[batch, height, width, channels]`, which is not disposed; or images of the network's shape, such as
 * `loadImage` makes. They must be transformed like those that the network was trained on.
 * @param options Names of the classes, and how many of them.
 * @returns For each image its most likely classes, most likely first; of equal ones the first.
 * @throws {ShapeError} If the images do not have the network's shape.
 * @throws {OptionError} If there is not a name for each class, or `top` is not a positive integer.
 * @throws {AlexNetError} If what the network computes is not finite.
 * @throws {BackendError} If the device reported an error.
 */
export async function classify(
  net: Sequential,
  images: Tensor4D | readonly Image[],
  options: ClassifyOptions = {},
): Promise<ClassProbability[][]> {
  await ensureBackend();
  const { classNames, top = 3 } = options;
  requireInteger("top", top);
  const numImages = "shape" in images ? images.shape[0] : images.length;
  if (numImages === 0) return [];
  const probabilities = tf.tidy(() =>
    tf.softmax(net.predict(tensorOf(net, images)))
  );
  const values = await probabilities.data<"float32">();
  probabilities.dispose();
  throwIfDeviceFailed();
  requireFinite(values, "classify");
  const numClasses = values.length / numImages;
  if (classNames !== undefined && classNames.length !== numClasses) {
    throw new OptionError(
      "classNames.length",
      classNames.length,
      `${numClasses}, the number of the network's classes`,
    );
  }
  return Array.from({ length: numImages }, (_, i) => {
    const row = values.subarray(i * numClasses, (i + 1) * numClasses);
    return Array.from(row, (probability, label) => ({
      label,
      className: classNames?.[label] ?? `${label}`,
      probability,
    })).toSorted((a, b) => b.probability - a.probability).slice(0, top);
  });
}

function tensorOf(
  net: Sequential,
  images: Tensor4D | readonly Image[],
): Tensor4D {
  if ("shape" in images) return images;
  const [height, width, channels] = net.inputShape;
  const size = height * width * channels;
  // On the host: together they may be more than the adapter binds, which `predict` then cuts.
  const values = new Float32Array(images.length * size);
  const scale = toTensor();
  images.forEach((image, i) => {
    const shape = [image.height, image.width, image.channels];
    if (`${shape}` !== `${net.inputShape}`) {
      throw new ShapeError(
        `Cannot classify image ${i} of shape [${shape}]: the network takes [${net.inputShape}]`,
      );
    }
    values.set(scale(image).data, i * size);
  });
  return tf.tensor4d(values, [images.length, height, width, channels]);
}

/** What a network predicts for `n` images, in the order of the data. */
export interface Predictions {
  /** `[n]`: the class that each image has. */
  readonly labels: Int32Array;
  /** `[n]`: the class of the first largest logit. */
  readonly predicted: Int32Array;
  /** `[n]`: probability of the predicted class, in [0, 1]. */
  readonly probabilities: Float32Array;
  /** `[n]`: cross entropy with the label, in nats. */
  readonly losses: Float32Array;
  /** Mean of the losses, in nats, as `evaluate` gives it. */
  readonly loss: number;
  /** Share of correct predictions, in [0, 1]. */
  readonly accuracy: number;
}

/** How well a network finds the images of a class. */
export interface ClassMetrics {
  /** Share of the images predicted as the class that are of it; 0 if there are none. */
  readonly precision: number;
  /** Share of the images of the class that are predicted as it; 0 if there are none. */
  readonly recall: number;
  /** Harmonic mean of precision and recall; 0 if both are. */
  readonly f1: number;
  /** Number of images of the class. */
  readonly support: number;
}

/**
 * Predicts every image, with dropout off. Results are kept on the device and read at the end.
 *
 * @example
 * ```ts
 * import { classMetrics, confusionMatrix, evaluatePredictions } from "@x/alexnet/train";
 * import { initBackend, lenet, loadFashionMnist } from "@x/alexnet";
 *
 * await initBackend();
 * const { test, classNames } = await loadFashionMnist({ source: "sample" });
 * const predictions = await evaluatePredictions(lenet(), test);
 * const matrix = confusionMatrix(predictions, classNames.length);
 * console.log(predictions.accuracy, classMetrics(matrix));
 * ```
 *
 * @param net The network.
 * @param data Batches of images and labels, once through.
 * @param options How to report progress.
 * @returns Label, prediction, probability and loss of every image.
 * @throws {ShapeError} If a batch does not fit the network, or a label is not one of its classes.
 * @throws {DataError} If there is no batch.
 * @throws {AlexNetError} If what the network computes is not finite.
 * @throws {BackendError} If the device reported an error.
 */
export async function evaluatePredictions(
  net: Sequential,
  data: BatchSource,
  options: Omit<EvaluateOptions, "communicator"> = {},
): Promise<Predictions> {
  const parts: Tensor[] = [];
  try {
    const means = await measure(net, data, {
      ...options,
      communicator: undefined,
      onLogits: (logits, labels) =>
        parts.push(tf.keep(describe(logits, labels))),
    });
    if (means === undefined) throw options.signal!.reason;
    const all = tf.concat(parts, 1);
    const values = await all.data<"float32">();
    all.dispose();
    throwIfDeviceFailed();
    requireFinite(values, "evaluate");
    const row = (i: number) =>
      values.slice(i * values.length / 4, (i + 1) * values.length / 4);
    const labels = Int32Array.from(row(0));
    requireClasses(labels, net);
    return {
      labels,
      predicted: Int32Array.from(row(1)),
      probabilities: row(2),
      losses: row(3),
      ...means,
    };
  } finally {
    tf.dispose(parts);
  }
}

/**
 * Label, predicted class, its probability and loss of each image: float32 `[4, batch]`, as class numbers are exact in float32 and
 * one tensor is one read.
 */
function describe(logits: Tensor2D, labels: Tensor1D): Tensor {
  const logProbabilities = tf.logSoftmax(logits);
  const hits = tf.oneHot(labels, logits.shape[1]);
  return tf.stack([
    tf.cast(labels, "float32"),
    tf.cast(tf.argMax(logits, 1), "float32"),
    tf.exp(tf.max(logProbabilities, 1)),
    tf.neg(tf.sum(tf.mul(logProbabilities, hits), 1)),
  ]);
}

function requireFinite(values: Float32Array, task: string): void {
  if (values.every(Number.isFinite)) return;
  throw new AlexNetError(
    `Cannot ${task} as the network gives numbers that are not finite: its weights are damaged, or the images are`,
  );
}

/**
 * Counts how often each class is taken for each class, as scikit-learn's `confusion_matrix` does.
 *
 * @param predictions Labels and predicted classes.
 * @param classes Number of classes.
 * @returns `[classes][classes]`: a row per true class, a column per predicted one.
 * @throws {OptionError} If `classes` is not a positive integer, or a label or a predicted class is not below it.
 * @throws {ShapeError} If there are not as many predicted classes as labels.
 */
export function confusionMatrix(
  predictions: Pick<Predictions, "labels" | "predicted">,
  classes: number,
): number[][] {
  requireInteger("classes", classes);
  const { labels, predicted } = predictions;
  if (labels.length !== predicted.length) {
    throw new ShapeError(
      `Cannot compare ${labels.length} labels with ${predicted.length} predicted classes: there must be as many of both`,
    );
  }
  const matrix = Array.from(
    { length: classes },
    () => new Array<number>(classes).fill(0),
  );
  const range = { min: 0, max: classes - 1 };
  labels.forEach((label, i) => {
    requireInteger(`labels[${i}]`, label, range);
    requireInteger(`predicted[${i}]`, predicted[i], range);
    matrix[label][predicted[i]]++;
  });
  return matrix;
}

/**
 * Works out precision, recall and F1 of each class. A share of nothing is 0, as with scikit-learn's `zero_division=0`.
 *
 * @param matrix What {@linkcode confusionMatrix} counted: a row per true class, a column per predicted one.
 * @returns The metrics of each class, in the order of the rows.
 * @throws {ShapeError} If the matrix is not square.
 */
export function classMetrics(
  matrix: readonly (readonly number[])[],
): ClassMetrics[] {
  if (matrix.some((row) => row.length !== matrix.length)) {
    throw new ShapeError(
      `Cannot read a confusion matrix as each of its ${matrix.length} rows must have ${matrix.length} columns: current lengths are ${
        matrix.map((row) => row.length)
      }`,
    );
  }
  return matrix.map((row, k) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    const numPredicted = matrix.reduce((sum, other) => sum + other[k], 0);
    const hits = row[k];
    return {
      precision: share(hits, numPredicted),
      recall: share(hits, support),
      f1: share(2 * hits, support + numPredicted),
      support,
    };
  });
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
