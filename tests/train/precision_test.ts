/** Tests of `fit()` in float16. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Tensor1D, type Tensor4D, tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { OptionError } from "../../src/errors.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { maxPool2d } from "../../src/nn/pooling.ts";
import type { Precision } from "../../src/nn/layer.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { fit } from "../../src/train/fit.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const SAMPLE = { source: "sample", batchSize: 50 } as const;

webgpuTest(
  "fit() in float16 trains as in float32, and keeps nothing",
  async () => {
    await use("webgpu");
    const before = tf.memory().numTensors;
    const losses: number[] = [];
    const accuracies: number[] = [];
    for (const precision of ["float32", "float16"] as const) {
      const { train, test } = await loadFashionMnist({ ...SAMPLE, seed: 1 });
      const net = new Sequential({
        inputShape: [28, 28, 1],
        layers: [
          conv2d({ filters: 8, kernelSize: 5, activation: "relu" }),
          maxPool2d({ poolSize: 2 }),
          flatten(),
          dense({ units: 32, activation: "relu" }),
          dense({ units: 10 }),
        ],
      });
      const optimizer = sgd({ learningRate: 0.1 });
      const options = { epochs: 2, optimizer, precision, validation: test };
      const history = await fit(net, train, options);
      // The first scale may be too large.
      assert(history.skippedSteps <= (precision === "float16" ? 2 : 0));
      const last = history.epochs.at(-1)!;
      losses.push(last.loss);
      accuracies.push(last.testAccuracy!);
      // The network's weights are float32, and predict() gives float32.
      assertEquals(net.getWeights()[0].dtype, "float32");
      optimizer.dispose();
      net.dispose();
    }
    assert(Math.abs(losses[1] / losses[0] - 1) < 0.02, `${losses}`);
    assert(losses[1] < 1, `${losses}`);
    assert(Math.abs(accuracies[1] - accuracies[0]) < 0.05, `${accuracies}`);
    assertEquals(tf.memory().numTensors, before);
  },
);

/** One batch, again and again, as a data set. */
function batches(count: number, images: Tensor4D, labels: Tensor1D) {
  return {
    numBatches: count,
    async *[Symbol.asyncIterator]() {
      for (let i = 0; i < count; i++) {
        await Promise.resolve();
        yield { images, labels };
      }
    },
  };
}

function linear(): Sequential {
  return new Sequential({
    inputShape: [2, 2, 1],
    layers: [flatten(), dense({ units: 3 })],
  });
}

webgpuTest(
  "fit() in float16 skips steps until gradients no longer overflow",
  async () => {
    await use("webgpu");
    const net = linear();
    // Gradients of the kernel near 100, times the first scale of 65,536.
    const images = tf.tensor4d(numbers(16, [300, 400]), [4, 2, 2, 1]);
    const labels = tf.tensor1d([0, 1, 2, 0], "int32");
    const first = Float32Array.from(await net.getWeights()[0].data());
    const steps = 20;
    const history = await fit(net, batches(steps, images, labels), {
      precision: "float16",
      optimizer: sgd({ learningRate: 1e-7 }),
    });
    const { skippedSteps } = history;
    assert(skippedSteps >= 3 && skippedSteps < 12, `${skippedSteps}`);
    assertEquals(history.steps, steps);
    const last = await net.getWeights()[0].data();
    assert(last.every(Number.isFinite) && last.some((w, i) => w !== first[i]));
    net.dispose();
    tf.dispose([images, labels]);
  },
);

webgpuTest(
  "fit() in float16 refuses an optimizer that takes no loss scale",
  async () => {
    await use("webgpu");
    const net = linear();
    const optimizer: Optimizer = {
      description: "mine",
      learningRate: 1,
      state: () => ({}),
      restore() {},
      apply() {},
      dispose() {},
    };
    const images = tf.zeros([4, 2, 2, 1]) as Tensor4D;
    const labels = tf.zeros([4], "int32") as Tensor1D;
    await assertRejects(
      () =>
        fit(net, batches(1, images, labels), {
          optimizer,
          precision: "float16",
        }),
      OptionError,
      "takesLossScale",
    );
    net.dispose();
    tf.dispose([images, labels]);
  },
);

Deno.test("float16 is refused on the CPU, and other precisions everywhere", async () => {
  await use("cpu");
  const net = linear();
  const images = tf.zeros([4, 2, 2, 1]) as Tensor4D;
  const labels = tf.zeros([4], "int32") as Tensor1D;
  for (const precision of ["float16", "float64"] as Precision[]) {
    const message = precision === "float16"
      ? "shader-f16"
      : "float32 or float16";
    assertThrows(
      () => lossAndGradients(net, images, labels, { precision }),
      OptionError,
      message,
    );
    await assertRejects(
      () => fit(net, batches(1, images, labels), { precision }),
      OptionError,
      message,
    );
  }
  net.dispose();
  tf.dispose([images, labels]);
});
