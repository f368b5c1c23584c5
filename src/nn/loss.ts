/**
 * The loss of classifiers.
 *
 * @module
 */

import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tf,
} from "../backend/tf.ts";

/**
 * Softmax cross entropy, summed over the batch and divided by `count`; its gradient is
 * `(softmax(logits) - oneHot(labels)) / count`.
 *
 * @param logits float32 `[batch, classes]`.
 * @param labels int32 `[batch]`, each in [0, classes).
 * @param count What to divide by: the size of the whole batch where this is a part of one. Default: the batch.
 * @returns float32 scalar, in nats.
 */
export function softmaxCrossEntropy(
  logits: Tensor2D,
  labels: Tensor1D,
  count: number = logits.shape[0],
): Scalar {
  const loss = tf.customGrad((x, save) => {
    const z = x as Tensor2D;
    const target = tf.oneHot(labels, z.shape[1]);
    const logProbabilities = tf.logSoftmax(z);
    (save as (tensors: Tensor[]) => void)([logProbabilities, target]);
    return {
      value: tf.div(tf.neg(tf.sum(tf.mul(logProbabilities, target))), count),
      gradFunc: (dy: Tensor, saved: Tensor[]) =>
        tf.mul(tf.sub(tf.exp(saved[0]), saved[1]), tf.div(dy, count)),
    };
  });
  return loss(logits) as Scalar;
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
