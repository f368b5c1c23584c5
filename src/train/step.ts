/**
 * Loss and gradients of a batch: the step that everything which trains is built on.
 *
 * @module
 */

import type { ShardPlace } from "../data/loader/batch.ts";
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tf,
} from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import {
  asFloats,
  type GradientListener,
  valueAndGradients,
} from "../device/tape.ts";
import { sliceBatch } from "../nn/batch.ts";
import { lossAndCorrect } from "../nn/loss.ts";
import { type Precision, requirePrecision } from "../nn/precision.ts";
import type { ForwardOptions } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { LossScale } from "../optim/loss_scale.ts";

/** What a batch says about a network. The caller disposes the tensors. */
export interface LossAndGradients {
  /** Mean loss over the batch, in nats: float32 scalar. */
  readonly loss: Scalar;
  /** Number of images whose largest logit was at their label: int32 scalar. */
  readonly correct: Scalar;
  /** Gradient of `loss` for each weight, in the order of `getWeights`, float32; times the loss scale, if one was given. */
  readonly gradients: Tensor[];
}

/** Options of {@linkcode lossAndGradients}. */
export interface StepOptions {
  /** Training step, from 0 over the run, which picks the dropout masks. Default 0. */
  step?: number;
  /** What to store activations as and to read kernels as. Default "float32". */
  precision?: Precision;
  /** What to multiply the gradients by: for "float16", whose small numbers would else be 0. Default: nothing. */
  lossScale?: LossScale;
}

/**
 * Computes mean loss, number of correct predictions and gradients, with dropout on. A batch that the device cannot take
 * whole (as a tensor would be larger than it can bind) is split, with the same result.
 *
 * Nothing is read back: all results stay on the device.
 *
 * @example
 * ```ts
 * import { initBackend, lenet, loadFashionMnist, lossAndGradients } from "@x/alexnet";
 *
 * await initBackend();
 * const net = lenet();
 * const { train } = await loadFashionMnist({ source: "sample", batchSize: 32 });
 * for await (const { images, labels } of train) {
 *   const { loss, correct, gradients } = lossAndGradients(net, images, labels);
 *   console.log(await loss.data());
 *   for (const tensor of [loss, correct, ...gradients]) tensor.dispose();
 * }
 * ```
 *
 * @param net The network.
 * @param images float32 `[batch, height, width, channels]`, values in [0, 1]; not disposed.
 * @param labels int32 `[batch]`, each in [0, classes); not disposed.
 * @param options The step, for dropout, and the precision.
 * @returns Loss, correct count and gradients.
 * @throws {ShapeError} If images or labels do not fit the network, or the network does not fit the device.
 * @throws {OptionError} If the device does not have the precision.
 */
export function lossAndGradients(
  net: Sequential,
  images: Tensor4D,
  labels: Tensor1D,
  options: StepOptions = {},
): LossAndGradients {
  const results = recordStep(net, images, labels, options);
  if (options.precision !== "float16") return results;
  const { gradients } = results;
  const floats = tf.tidy(() => gradients.map((g) => tf.clone(asFloats(g))));
  tf.dispose(gradients);
  return { ...results, gradients: floats };
}

/** Options of {@linkcode recordStep}. */
export interface RecordOptions extends StepOptions {
  /** Which part of a batch the images are: loss and gradients are then their share of those of the whole batch. */
  place?: ShardPlace;
  /** Receives gradients while others are still to come, where the device takes the images in one go. */
  onGradient?: GradientListener;
}

/**
 * Does what {@linkcode lossAndGradients} does, but leaves gradients as they are stored: float32 or float16, for an optimizer
 * that `takesLossScale`.
 *
 * @param net The network.
 * @param images float32 `[batch, height, width, channels]`, values in [0, 1]; not disposed.
 * @param labels int32 `[batch]`, each in [0, classes); not disposed.
 * @param options The step, for dropout, the precision, and which part of a batch this is.
 * @returns Loss, correct count and gradients.
 * @throws {ShapeError} If images or labels do not fit the network, or the network does not fit the device.
 * @throws {OptionError} If the device does not have the precision.
 */
export function recordStep(
  net: Sequential,
  images: Tensor4D,
  labels: Tensor1D,
  options: RecordOptions,
): LossAndGradients {
  checkBatch(net, images, labels);
  const { step = 0, precision = "float32", lossScale } = options;
  requirePrecision(precision);
  const length = images.shape[0];
  const { begin: offset, total: count } = options.place ??
    { begin: 0, total: length };
  const size = net.maxBatch();
  const onGradient = length <= size ? options.onGradient : undefined;
  const [loss, correct, ...gradients] = tf.tidy(() => {
    const labelParts = sliceBatch(labels, size);
    let sums: Tensor[] = [];
    sliceBatch(images, size).forEach(({ part, begin }, i) => {
      const batch = { images: part, labels: labelParts[i].part };
      const where = { step, firstImage: offset + begin, count };
      const results = tf.tidy(() =>
        _step(net, batch, { ...where, precision, lossScale, onGradient })
      );
      sums = i === 0 ? results : sums.map((sum, k) => _add(sum, results[k]));
    });
    return sums;
  });
  return { loss: loss as Scalar, correct: correct as Scalar, gradients };
}

/**
 * Checks that a batch fits a network.
 *
 * @param net The network.
 * @param images float32 `[batch, height, width, channels]`.
 * @param labels int32 `[batch]`.
 * @throws {ShapeError} If it does not.
 */
export function checkBatch(
  net: Sequential,
  images: Tensor4D,
  labels: Tensor1D,
): void {
  net.checkImages(images);
  if (
    labels.rank !== 1 || labels.shape[0] !== images.shape[0] ||
    labels.dtype !== "int32"
  ) {
    throw new ShapeError(
      `Cannot use labels of shape [${labels.shape}] and type ${labels.dtype}: expected int32 [${
        images.shape[0]
      }], one per image`,
    );
  }
}

/** Loss, correct count and gradients of a part of a batch, in this order. */
function _step(
  net: Sequential,
  batch: { images: Tensor4D; labels: Tensor1D },
  options: ForwardOptions & {
    count: number;
    lossScale?: LossScale;
    onGradient?: GradientListener;
  },
): Tensor[] {
  const weights = net.getWeights();
  let kept: Scalar | undefined;
  const { count, lossScale, onGradient, ...forward } = options;
  const compute = () => {
    const logits = net.forward(batch.images, forward);
    const results = lossAndCorrect(logits, batch.labels, count);
    kept = tf.keep(results.correct);
    return lossScale?.apply(results.loss) ?? results.loss;
  };
  const { value, gradients } = valueAndGradients(weights, compute, onGradient);
  // Back to the current scope.
  const correct = tf.clone(kept!);
  kept!.dispose();
  return [value, correct, ...gradients];
}

/** Adds and frees both, so that at most two sets of gradients are alive. */
function _add(a: Tensor, b: Tensor): Tensor {
  // Counts are int32.
  const read = (t: Tensor) => t.dtype === "float32" ? asFloats(t) : t;
  const sum = tf.tidy(() => tf.add(read(a), read(b)));
  a.dispose();
  b.dispose();
  return sum;
}
