/**
 * The training step that the benches run.
 *
 * @module
 */

import { type Tensor4D, tf } from "../src/backend/tf.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { sgd } from "../src/optim/sgd.ts";
import { lossAndGradients } from "../src/train/step.ts";

/** A training step on one batch, again and again. */
export interface TrainingStep {
  /** Records the step. */
  readonly run: () => void;
  /** 10^9 floating-point operations: forward and both gradients, two per multiply-add. */
  readonly gflop: number;
  /** Frees the network and the batch. */
  readonly dispose: () => void;
}

/**
 * Makes a step of random images and plain SGD.
 *
 * @param net The network; the step owns it.
 * @param batch Images of the batch.
 * @returns The step.
 */
export function trainingStep(net: Sequential, batch: number): TrainingStep {
  const [height, width, channels] = net.inputShape;
  const images: Tensor4D = tf.randomUniform([batch, height, width, channels]);
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => i % 10),
    "int32",
  );
  const optimizer = sgd({ learningRate: 0.01 });
  const macs = net.summary().reduce((sum, layer) => sum + layer.macs, 0);
  let step = 0;
  return {
    gflop: 6 * macs * batch / 1e9,
    run() {
      const results = lossAndGradients(net, images, labels, { step: step++ });
      const { loss, correct, gradients } = results;
      optimizer.apply(net.getWeights(), gradients);
      tf.dispose([loss, correct, ...gradients]);
    },
    dispose() {
      net.dispose();
      tf.dispose([images, labels]);
    },
  };
}
