/** The loss of classifiers. */

import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tf,
} from "../device/tf.ts";
import { asFloats, asTensor, differentiable } from "../device/tape.ts";
import { device } from "../device/device.ts";
import { requireLabels } from "./batch.ts";

/**
 * Computes in one pass what {@linkcode softmaxCrossEntropy} gives, and in how many rows the first largest logit is at the label.
 */
export function lossAndCorrect(
  logits: Tensor2D,
  labels: Tensor1D,
  count: number = logits.shape[0],
): { loss: Scalar; correct: Scalar } {
  requireLabels(labels, logits.shape[0], "row of the logits");
  let correct: Tensor | undefined;
  const z = asFloats(logits);
  const loss = differentiable([z], (save) => {
    const results = device().crossEntropy({ logits: z, labels }, count);
    // The differentiable operation gives the loss alone, so this one has to outlive its scope.
    correct = tf.keep(asTensor(results.correct));
    save([asTensor(results.gradient)]);
    return asTensor(results.loss);
  }, (dy, [gradient]) => {
    // A training step asks for the gradient of the loss itself, where dy is 1.
    return [device().isOne(dy) ? tf.clone(gradient) : tf.mul(gradient, dy)];
  });
  return { loss: loss as Scalar, correct: unkeep(correct!) as Scalar };
}

/**
 * Softmax cross entropy, summed over the batch and divided by `count`; its gradient is
 * `(softmax(logits) - oneHot(labels)) / count`.
 *
 * @param logits float32 `[batch, classes]`.
 * @param labels int32 `[batch]`, each in [0, classes).
 * @param count What to divide by: the size of the whole batch where this is a part of one. Default: the batch.
 * @returns float32 scalar, in nats.
 * @throws {ShapeError} If the labels are not int32, one per row.
 */
export function softmaxCrossEntropy(
  logits: Tensor2D,
  labels: Tensor1D,
  count: number = logits.shape[0],
): Scalar {
  const { loss, correct } = lossAndCorrect(logits, labels, count);
  correct.dispose();
  return loss;
}

/**
 * Counts the images whose largest logit is at their label.
 *
 * @param logits float32 `[batch, classes]`.
 * @param labels int32 `[batch]`.
 * @returns int32 scalar.
 */
export function countCorrect(logits: Tensor2D, labels: Tensor1D): Scalar {
  return tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "int32"));
}

/** Gives a kept tensor to the current scope, to which a clone of it belongs. */
export function unkeep(kept: Tensor): Tensor {
  const tensor = tf.clone(kept);
  kept.dispose();
  return tensor;
}
