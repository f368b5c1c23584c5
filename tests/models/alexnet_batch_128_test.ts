/**
 * The lecture's batch on an adapter that cannot bind the unpooled output of its first layer whole: 143 MB, where llvmpipe
 * binds 128 MiB. That layer is computed in parts, the others of all images at once.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { backendInfo, readScalars } from "../../src/backend/backend.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/backend/tf.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import { maxBatch, sliceBatch } from "../../src/nn/batch.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const BATCH = 128;
/** Small enough for every adapter to take it whole. */
const PART = 16;

webgpuTest(
  "lossAndGradients() of 128 images at 224x224 equals the mean over whole batches of 16",
  async () => {
    await use("webgpu", { maxBindingBytes: 128 * 2 ** 20 });
    const net = alexnet({ seed: 1, dropout: 0 });
    // The first convolution alone does not fit; the network with its pooling in it does.
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
      const whole = lossAndGradients(net, part, tf.slice(labels, begin, PART));
      const scaled = [whole.loss, ...whole.gradients].map((t) =>
        tf.mul(t, PART / BATCH)
      );
      tf.dispose([whole.loss, whole.correct, whole.gradients, part]);
      mean = mean.length === 0
        ? scaled
        : mean.map((sum, i) => tf.tidy(() => tf.add(sum, scaled[i])));
      await readScalars(mean[0]);
    }
    const actual = [cut.loss, ...cut.gradients];
    assertEquals(actual.length, mean.length);
    for (const [i, tensor] of actual.entries()) {
      // On the device, as the gradients are 187 MB: the largest difference against the largest element.
      const [difference, largest] = await readScalars(
        ...tf.tidy(() => [
          tf.max(tf.abs(tf.sub(tensor, mean[i]))),
          tf.max(tf.abs(mean[i])),
        ]),
      );
      assert(
        largest > 0 && difference <= 1e-5 * largest,
        `tensor ${i} differs by ${difference}, its largest element is ${largest}`,
      );
    }
    assertEquals(backendInfo().maxBindingBytes, 128 * 2 ** 20);
    net.dispose();
  },
);
