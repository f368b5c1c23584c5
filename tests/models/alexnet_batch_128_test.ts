/**
 * The lecture's batch on an adapter that cannot bind the unpooled output of AlexNet's first layer whole: 143 MB, where llvmpipe
 * binds 128 MiB. That layer is computed in parts.
 */

import { assert, assertEquals } from "@std/assert";
import { device, readScalars } from "../../src/device/device.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/device/tf.ts";
import { alexnetLayers } from "../../src/models/alexnet.ts";
import { maxBatch, sliceBatch } from "../../src/nn/batch.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const BATCH = 128;
/** Small enough for every adapter to take it whole. */
const PART = 16;

/** Largest difference over the largest element: rounding of sums. */
const MOST = 1e-5;

webgpuTest(
  "lossAndGradients() of 128 images through AlexNet's first layer equals the mean over whole batches of 16",
  async () => {
    await use("webgpu", { maxBindingBytes: 128 * 2 ** 20 });
    const { inputShape, layers } = alexnetLayers();
    const net = new Sequential({
      inputShape,
      layers: [...layers.slice(0, 2), flatten(), dense({ units: 10 })],
      seed: 1,
    });
    // The convolution alone does not fit; with its pooling in it, it does.
    assert(maxBatch(net) < BATCH && maxBatch(net) >= PART);
    assert(net.maxBatch() >= BATCH);
    const images = tf.tensor4d(
      numbers(BATCH * 224 * 224, [0, 1], 5),
      [BATCH, 224, 224, 1],
    );
    const labels = tf.tensor1d(
      Array.from({ length: BATCH }, (_, i) => i % 10),
      "int32",
    );
    const cut = lossAndGradients(net, images, labels);
    let mean: Tensor[] = [];
    for (const { part, begin } of sliceBatch(images as Tensor4D, PART)) {
      const whole = lossAndGradients(
        net,
        part,
        tf.slice(labels, begin, PART),
      );
      const scaled = [whole.loss, ...whole.gradients].map((t) =>
        tf.mul(t, PART / BATCH)
      );
      tf.dispose([whole.loss, whole.correct, whole.gradients, part]);
      mean = mean.length === 0
        ? scaled
        : mean.map((sum, i) => tf.tidy(() => tf.add(sum, scaled[i])));
    }
    const actual = [cut.loss, ...cut.gradients];
    assertEquals(actual.length, mean.length);
    for (const [i, tensor] of actual.entries()) {
      const [difference, largest] = await readScalars(
        ...tf.tidy(() => [
          tf.max(tf.abs(tf.sub(tensor, mean[i]))),
          tf.max(tf.abs(mean[i])),
        ]),
      );
      assert(
        largest > 0 && difference <= MOST * largest,
        `tensor ${i} differs by ${difference}, its largest element is ${largest}`,
      );
    }
    assertEquals(device().info.maxBindingBytes, 128 * 2 ** 20);
    net.dispose();
  },
);
