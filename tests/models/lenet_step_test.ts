/** LeNet's gradients at the lecture's batch size on each device against the CPU backend of tfjs. */

import { assertEquals } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { lenet } from "../../src/models/lenet.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertCloseTensor } from "../compare.ts";
import { againstPlain, deviceTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

const BATCH = 256;

const pixels = numbers(BATCH * 784, [0, 1]);
let names: string[] = [];
const values = againstPlain(() => {
  const net = lenet({ seed: 3 });
  names = net.weightNames();
  const images = tf.tensor4d(pixels, [BATCH, 28, 28, 1]);
  const labels = tf.tensor1d(labelsUpTo(BATCH), "int32");
  const results = lossAndGradients(net, images, labels);
  net.dispose();
  const { loss, correct, gradients } = results;
  return [correct, loss, ...gradients];
});

deviceTest(
  "lenet() has the loss and gradients of TensorFlow.js at batch 256",
  async (device) => {
    const { actual, expected } = await values(device);
    assertEquals(actual[0], expected[0]);
    ["loss", ...names].forEach((what, i) =>
      assertCloseTensor(actual[i + 1], expected[i + 1], {
        relative: 1e-4,
        what,
      })
    );
  },
);
