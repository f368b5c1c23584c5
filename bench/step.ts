/** The training step that the benches run. */

import { type Tensor4D, tf } from "../src/device/tf.ts";
import type { Precision } from "../src/nn/layer.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { LossScale } from "../src/optim/gradient_scale.ts";
import { sgd } from "../src/optim/sgd.ts";
import { recordStep } from "../src/train/step.ts";

/** A training step on one batch, again and again. */
export interface TrainingStep {
  /** Records the step, in float32 unless it is told otherwise. */
  readonly run: (precision?: Precision) => void;
  /** 10^9 floating-point operations that it needs. */
  readonly gflop: number;
  /** Frees the network and the batch. */
  readonly dispose: () => void;
}

/**
 * Counts the 10^9 floating-point operations per image of a training step: two per multiply-add, forward and for the gradients by
 * weights and by inputs; the images need no gradient.
 */
export function gflopPerImage(layers: readonly { macs: number }[]): number {
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const first = layers.find((layer) => layer.macs > 0)?.macs ?? 0;
  return (6 * macs - 2 * first) / 1e9;
}

/** Makes a step of random images and plain SGD, which owns the network. */
export function trainingStep(net: Sequential, batch: number): TrainingStep {
  const [height, width, channels] = net.inputShape;
  const images: Tensor4D = tf.randomUniform([batch, height, width, channels]);
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => i % 10),
    "int32",
  );
  const optimizer = sgd({ learningRate: 0.01 });
  let lossScale: LossScale | undefined;
  let step = 0;
  return {
    gflop: batch * gflopPerImage(net.summary()),
    run(precision = "float32") {
      if (precision === "float16") lossScale ??= new LossScale();
      const scale = precision === "float16" ? lossScale : undefined;
      const results = recordStep(net, images, labels, {
        step: step++,
        precision,
        lossScale: scale,
      });
      const { loss, correct, gradients } = results;
      scale?.update(gradients);
      optimizer.apply(net.getWeights(), gradients, scale);
      tf.dispose([loss, correct, ...gradients]);
    },
    dispose() {
      net.dispose();
      lossScale?.dispose();
      tf.dispose([images, labels]);
    },
  };
}
