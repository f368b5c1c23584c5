/**
 * LeNet's gradients at the lecture's batch size on WebGPU against the CPU backend of tfjs.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { lenet } from "../../src/models/lenet.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertCloseTensor } from "../compare.ts";
import { readBoth, webgpuTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

const BATCH = 256;

webgpuTest(
  "lenet() has the loss and gradients of the CPU backend at batch 256",
  async () => {
    const pixels = numbers(BATCH * 784, [0, 1]);
    let names: string[] = [];
    const { webgpu, cpu } = await readBoth(() => {
      const net = lenet({ seed: 3 });
      names = net.weightNames();
      const images = tf.tensor4d(pixels, [BATCH, 28, 28, 1]);
      const labels = tf.tensor1d(labelsUpTo(BATCH), "int32");
      const results = lossAndGradients(net, images, labels);
      net.dispose();
      const { loss, correct, gradients } = results;
      return [correct, loss, ...gradients];
    });
    assertEquals(webgpu[0], cpu[0]);
    ["loss", ...names].forEach((what, i) =>
      assertCloseTensor(webgpu[i + 1], cpu[i + 1], { relative: 1e-4, what })
    );
  },
);
