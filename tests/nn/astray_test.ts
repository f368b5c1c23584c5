/** Tests that NaN and Infinity reach the end of a network on each device, so that nobody misses a run that goes astray. */

import { assert, assertEquals } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { relu, sigmoid } from "../../src/nn/activation.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertClose } from "../compare.ts";
import { deviceTest, use } from "../device.ts";
import { numbers } from "../numbers.ts";

const CONVOLUTION = { filters: 16, kernelSize: 3 } as const;
const POOL = { poolSize: 2 } as const;

/** Layers for images of 18x18x16, large enough for kernels of ours to take the position of TensorFlow.js's. */
const NETWORKS: [what: string, layers: Layer[]][] = [
  ["conv2d", [conv2d(CONVOLUTION)]],
  ...(["relu", "sigmoid"] as const).map((activation): [string, Layer[]] => [
    `conv2d with ${activation}`,
    [conv2d({ ...CONVOLUTION, activation })],
  ]),
  ["conv2d and max pooling", [conv2d(CONVOLUTION), maxPool2d(POOL)]],
  [
    "conv2d with relu and max pooling",
    [conv2d({ ...CONVOLUTION, activation: "relu" }), maxPool2d(POOL)],
  ],
  [
    "conv2d with sigmoid and average pooling",
    [conv2d({ ...CONVOLUTION, activation: "sigmoid" }), averagePool2d(POOL)],
  ],
  ["max pooling", [maxPool2d(POOL)]],
  ["average pooling", [averagePool2d(POOL)]],
  ["relu", [relu()]],
  ["sigmoid", [sigmoid()]],
  ["dense with relu", [flatten(), dense({ units: 16, activation: "relu" })]],
];

for (const [what, layers] of NETWORKS) {
  for (const pixel of [NaN, Infinity]) {
    // Of the sigmoid of Infinity nothing need be left.
    if (pixel === Infinity && what.includes("sigmoid")) continue;
    deviceTest(`${pixel} goes through ${what}`, async (device) => {
      await use(device);
      const net = new Sequential({
        inputShape: [18, 18, 16],
        layers: [...layers, flatten(), dense({ units: 3 })],
        seed: 1,
      });
      const pixels = numbers(2 * 18 * 18 * 16, [0.5, 1]);
      const image = (position: number) =>
        tf.tensor4d(
          pixels.map((value, i) => i === position ? pixel : value),
          [2, 18, 18, 16],
        );
      for (const position of [1000, -1]) {
        const images = image(position);
        const labels = tf.tensor1d([0, 1], "int32");
        const results = lossAndGradients(net, images, labels);
        const [loss] = await results.loss.data();
        const isFinite = position < 0;
        assertEquals(Number.isFinite(loss), isFinite, `${position}: ${loss}`);
        const logits = net.predict(images);
        const count = (await logits.data()).filter(Number.isFinite).length;
        assert(isFinite ? count === 6 : count < 6, `${position}: ${count}`);
        tf.dispose([images, labels, logits, { ...results }]);
      }
      net.dispose();
    });
  }
}

for (const [what, layers] of NETWORKS) {
  deviceTest(
    `NaN in one image leaves the others alone, through ${what}`,
    async (device) => {
      await use(device);
      const net = new Sequential({
        inputShape: [18, 18, 16],
        layers: [...layers, flatten(), dense({ units: 3 })],
        seed: 1,
      });
      const pixels = numbers(3 * 18 * 18 * 16, [0.5, 1]);
      const logits = async (values: Float32Array) => {
        const images = tf.tensor4d(values, [3, 18, 18, 16]);
        const output = net.predict(images);
        const read = Array.from(await output.data());
        tf.dispose([images, output]);
        return read;
      };
      const usual = await logits(pixels);
      // In the second image.
      const astray = await logits(
        pixels.map((value, i) => i === 18 * 18 * 16 + 1000 ? NaN : value),
      );
      assert(!astray.slice(3, 6).every(Number.isFinite), `${astray}`);
      for (const row of [0, 6]) {
        assertClose(astray.slice(row, row + 3), usual.slice(row, row + 3), {
          absolute: 1e-5,
          relative: 1e-5,
        });
      }
      net.dispose();
    },
  );
}
