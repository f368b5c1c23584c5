/**
 * What a network predicts for every image of some data, and which classes it confuses.
 *
 * @module
 */

import { throwIfDeviceFailed } from "../device/device.ts";
import {
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import { requireInteger } from "../options.ts";
import type { BatchSource } from "./batch_source.ts";
import type { Progress } from "./callbacks.ts";
import {
  evaluateBatches,
  type EvaluateOptions,
  type Tally,
} from "./evaluate.ts";
import { requireFiniteOutputs } from "./metrics.ts";

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
  /** Mean of the losses, in nats. */
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
 * Predicts every image, with dropout off. Results are kept on the device and read about once a second.
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
  const { signal } = options;
  const rows = new Rows(net);
  const mustStop = () => Promise.resolve(signal?.aborted ?? false);
  try {
    const { epoch, onProgress } = options;
    const how = { epoch, onProgress, mustStop, tally: rows };
    if (!await evaluateBatches(net, data, how)) signal?.throwIfAborted();
    return await rows.predictions();
  } finally {
    rows.dispose();
  }
}

/** Numbers in a row of what is read from the device: label, predicted class, its probability, loss. */
const ROW = 4;

/** float32 `[batch, 4]`, as class numbers are exact in float32 and one tensor is one read. */
function rowsOf(logits: Tensor2D, labels: Tensor1D): Tensor2D {
  const logProbabilities = tf.logSoftmax(logits);
  const hits = tf.oneHot(labels, logits.shape[1]);
  return tf.stack([
    tf.cast(labels, "float32"),
    tf.cast(tf.argMax(logits, 1), "float32"),
    tf.exp(tf.max(logProbabilities, 1)),
    tf.neg(tf.sum(tf.mul(logProbabilities, hits), 1)),
  ], 1) as Tensor2D;
}

/** A row of numbers for each image, on the device until it is read. */
class Rows implements Tally {
  readonly #net: Sequential;
  readonly #classes: number;
  readonly #unread: Tensor2D[] = [];
  readonly #read: Float32Array[] = [];
  readonly #start = performance.now();
  #numBatches = 0;

  constructor(net: Sequential) {
    this.#net = net;
    this.#classes = net.summary().at(-1)!.outputShape[1];
  }

  add(images: Tensor4D, labels: Tensor1D): void {
    const rows = tf.tidy(() => rowsOf(this.#net.predict(images), labels));
    this.#unread.push(rows);
    this.#numBatches++;
  }

  async progress(
    where: Pick<Progress, "phase" | "epoch" | "batches">,
  ): Promise<Progress> {
    const { loss, accuracy, labels: { length } } = await this.predictions();
    const seconds = (performance.now() - this.#start) / 1000;
    return {
      ...where,
      batch: this.#numBatches,
      loss,
      accuracy,
      imagesPerSecond: length / seconds,
      secondsPerBatch: seconds / this.#numBatches,
    };
  }

  /** Waits for the device, and says what is known of the images so far. */
  async predictions(): Promise<Predictions> {
    if (this.#unread.length > 0) {
      const all = tf.concat(this.#unread, 0);
      this.dispose();
      const values = await all.data<"float32">();
      all.dispose();
      throwIfDeviceFailed();
      requireFiniteOutputs(values, "evaluate");
      requireClasses(values, this.#classes);
      this.#read.push(values);
    }
    return fromRows(this.#read);
  }

  dispose(): void {
    this.#unread.splice(0).forEach((rows) => rows.dispose());
  }
}

/** A label that is no class would count as a loss of 0. */
function requireClasses(values: Float32Array, classes: number): void {
  for (let k = 0; k < values.length; k += ROW) {
    if (values[k] >= 0 && values[k] < classes) continue;
    throw new ShapeError(
      `Cannot evaluate as label ${
        values[k]
      } is not one of the ${classes} classes of the network, 0 to ${
        classes - 1
      }`,
    );
  }
}

function fromRows(parts: readonly Float32Array[]): Predictions {
  const n = parts.reduce((sum, { length }) => sum + length, 0) / ROW;
  const result = {
    labels: new Int32Array(n),
    predicted: new Int32Array(n),
    probabilities: new Float32Array(n),
    losses: new Float32Array(n),
  };
  let [i, loss, correct] = [0, 0, 0];
  for (const values of parts) {
    for (let k = 0; k < values.length; k += ROW, i++) {
      result.labels[i] = values[k];
      result.predicted[i] = values[k + 1];
      result.probabilities[i] = values[k + 2];
      result.losses[i] = values[k + 3];
      loss += values[k + 3];
      if (values[k] === values[k + 1]) correct++;
    }
  }
  return { ...result, loss: loss / n, accuracy: correct / n };
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
