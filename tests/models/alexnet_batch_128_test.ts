/**
 * The lecture's batch on an adapter that cannot bind the unpooled output of its first layer whole: 143 MB, where llvmpipe
 * binds 128 MiB. That layer is computed in parts, the others of all images at once.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { backendInfo, readScalars } from "../../src/backend/backend.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/backend/tf.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { chooseWays } from "../../src/kernels/ways.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import { maxBatch, sliceBatch } from "../../src/nn/batch.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { chooseConvolutions, PLAIN_WAYS } from "./choose.ts";
import { numbers } from "../numbers.ts";

const BATCH = 128;
/** Small enough for every adapter to take it whole. */
const PART = 16;

/**
 * Ways of the convolutions, and the largest difference over the largest element. In the plain ways sums are rounded; by
 * tiles the error is bounded by 1e-4 of itself (`tests/kernels/winograd_error_test.ts`), and those of a whole batch and of
 * its parts are not the same.
 */
const WAYS = [
  { what: "in plain ways", names: PLAIN_WAYS, most: 1e-5 },
  { what: "in the usual ways", names: undefined, most: 1e-4 },
];
for (const { what, names, most } of WAYS) {
  webgpuTest(
    `lossAndGradients() of 128 images at 224x224 equals the mean over whole batches of 16, ${what}`,
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
      const backend = tf.backend() as WebGPUBackend;
      for (const size of names === undefined ? [] : [BATCH, PART]) {
        chooseConvolutions(backend, () => {
          const first = tf.slice(images, 0, size) as Tensor4D;
          const results = lossAndGradients(
            net,
            first,
            tf.slice(labels, 0, size),
          );
          tf.dispose([first, results.loss, results.correct, results.gradients]);
        }, names!);
      }
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
          largest > 0 && difference <= most * largest,
          `tensor ${i} differs by ${difference}, its largest element is ${largest}`,
        );
      }
      assertEquals(backendInfo().maxBindingBytes, 128 * 2 ** 20);
      net.dispose();
      chooseWays(backend, new Map());
    },
  );
}
