/** A training step: loss and gradients of a batch, and the new weights. */

import type { Batch, ShardPlace } from "../data/loader/batch.ts";
import {
  asFloats,
  type GradientListener,
  valueAndGradients,
} from "../device/tape.ts";
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tf,
} from "../device/tf.ts";
import { requireLabels, sliceBatch } from "../nn/batch.ts";
import type { Precision } from "../nn/layer.ts";
import { lossAndCorrect, unkeep } from "../nn/loss.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { LossScale, NormClip } from "../optim/gradient_scale.ts";
import type { Schedule } from "../optim/schedule.ts";
import type { DeviceState } from "./state.ts";

/** Loss and gradients of a batch. The caller disposes the tensors. */
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
  /** Multiplies the gradients, for "float16": small ones would be 0 otherwise. Default: they stay as they are. */
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
  /** Which part of a whole batch the images are: loss and gradients are their share of that batch's. Default: all of it. */
  place?: ShardPlace;
  /** Receives each gradient as soon as it is known, if the device takes all images at once. */
  onGradient?: GradientListener;
}

/**
 * Computes what {@linkcode lossAndGradients} does, but leaves gradients as they are stored: float32 or float16, for an
 * optimizer that `takesLossScale`.
 */
export function recordStep(
  net: Sequential,
  images: Tensor4D,
  labels: Tensor1D,
  options: RecordOptions,
): LossAndGradients {
  const length = images.shape[0];
  net.checkImages(images);
  requireLabels(labels, length, "image");
  const { step = 0, precision = "float32", lossScale } = options;
  const { place = { begin: 0, total: length } } = options;
  const size = net.maxBatch();
  const onGradient = length <= size ? options.onGradient : undefined;

  /** Loss, correct count and gradients of a part of the images, in this order. */
  function recordPart(part: Tensor4D, labels: Tensor1D, begin: number) {
    const firstImage = place.begin + begin;
    let correct: Tensor | undefined;
    const compute = () => {
      const logits = net.forward(part, { step, firstImage, precision });
      const results = lossAndCorrect(logits, labels, place.total);
      correct = tf.keep(results.correct);
      return lossScale?.apply(results.loss) ?? results.loss;
    };
    const { value, gradients } = valueAndGradients(
      net.getWeights(),
      compute,
      onGradient,
    );
    return [value, unkeep(correct!), ...gradients];
  }

  const [loss, correct, ...gradients] = tf.tidy(() => {
    const labelParts = sliceBatch(labels, size);
    let sums: Tensor[] | undefined;
    sliceBatch(images, size).forEach(({ part, begin }, i) => {
      const results = tf.tidy(() =>
        recordPart(part, labelParts[i].part, begin)
      );
      sums = sums?.map((sum, k) => addAndFree(sum, results[k])) ?? results;
    });
    return sums!;
  });
  return { loss: loss as Scalar, correct: correct as Scalar, gradients };
}

/** Adds two tensors and frees them, so that at most two sets of gradients are alive. */
function addAndFree(a: Tensor, b: Tensor): Tensor {
  // The correct count is int32; the others may be stored as float16.
  const read = (t: Tensor) => t.dtype === "float32" ? asFloats(t) : t;
  const sum = tf.tidy(() => tf.add(read(a), read(b)));
  tf.dispose([a, b]);
  return sum;
}

/** What weights are changed with. */
export interface UpdateParts extends DeviceState {
  readonly precision: Precision;
  readonly schedule?: Pick<Schedule, "rateAt">;
  readonly clip?: NormClip;
}

/** What a step found before it changed the weights. The caller disposes the tensors. */
export interface StepResults extends Omit<LossAndGradients, "gradients"> {
  /** Images of the batch. */
  readonly count: number;
}

/** Changes the weights by a batch, which is not disposed, without waiting for the device; `step` counts from 0 over the run. */
export function updateWeights(
  parts: UpdateParts,
  { images, labels }: Batch,
  step: number,
): StepResults {
  const { net, precision, lossScale } = parts;
  const options = { step, precision, lossScale };
  const { gradients, ...results } = recordStep(net, images, labels, options);
  try {
    applyGradients(parts, gradients, step);
    return { ...results, count: images.shape[0] };
  } catch (error) {
    tf.dispose(results);
    throw error;
  } finally {
    tf.dispose(gradients);
  }
}

/** Changes the weights by gradients of the mean loss, times the loss scale if there is one; they are not disposed. */
export function applyGradients(
  parts: UpdateParts,
  gradients: readonly Tensor[],
  step: number,
): void {
  const { net, optimizer, schedule, clip, lossScale } = parts;
  if (schedule) optimizer.learningRate = schedule.rateAt(step);
  lossScale?.update(gradients);
  clip?.update(gradients, lossScale);
  optimizer.apply(net.getWeights(), gradients, clip ?? lossScale);
}
