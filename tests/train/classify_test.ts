/**
 * Tests of saying what images show.
 *
 * @module
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import type { Image } from "../../src/data/dataset.ts";
import { AlexNetError, OptionError, ShapeError } from "../../src/errors.ts";
import { dense, flatten, Sequential } from "../../src/nn/mod.ts";
import { classify } from "../../src/train/predictions.ts";
import { use, webgpuTest } from "../device.ts";

/** A network whose logits for an image of 2x1 pixels are [p, q, p + q, 0]. */
function summing(): Sequential {
  const net = new Sequential({
    inputShape: [2, 1, 1],
    layers: [flatten(), dense({ units: 4 })],
  });
  net.setWeights([
    Float32Array.of(1, 0, 1, 0, 0, 1, 1, 0),
    new Float32Array(4),
  ]);
  return net;
}

/** Two images and what their probabilities are, from the definition of softmax. */
const IMAGES = [[2, 1], [0.5, 3]] as const;
const EXPECTED = IMAGES.map(([p, q]) => {
  const powers = [p, q, p + q, 0].map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
});

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`classify() gives the probabilities of the likeliest classes on ${device}`, async () => {
    await use(device);
    const net = summing();
    const images = tf.tensor4d(IMAGES.flat(), [2, 2, 1, 1]);
    const classNames = ["first", "second", "both", "none"];
    const results = await classify(net, images, { classNames, top: 4 });
    const orders = [[2, 0, 1, 3], [2, 1, 0, 3]];
    for (const [i, classes] of results.entries()) {
      assertEquals(classes.map(({ label }) => label), orders[i]);
      for (const { label, className, probability } of classes) {
        assertEquals(className, classNames[label]);
        assertAlmostEquals(probability, EXPECTED[i][label], 1e-6);
      }
    }
    const [three] = await classify(net, images);
    assertEquals(
      three,
      results[0].slice(0, 3).map((one) => ({
        ...one,
        className: `${one.label}`,
      })),
    );
    assertEquals((await classify(net, images, { top: 9 }))[1].length, 4);
    images.dispose();
    net.dispose();
  });

  test(`classify() does not grow the memory on ${device}`, async () => {
    await use(device);
    const net = summing();
    const images = tf.tensor4d(IMAGES.flat(), [2, 2, 1, 1]);
    await classify(net, images);
    const { numTensors, numBytes } = tf.memory();
    for (let i = 0; i < 3; i++) await classify(net, images);
    await assertRejects(
      () => classify(net, images, { classNames: ["one"] }),
      OptionError,
    );
    assertEquals(tf.memory().numTensors, numTensors);
    assertEquals(tf.memory().numBytes, numBytes);
    images.dispose();
    net.dispose();
  });
}

Deno.test("classify() takes images as it takes tensors, and scales bytes", async () => {
  await use("cpu");
  const net = summing();
  const size = { height: 2, width: 1, channels: 1 };
  const images: Image[] = [
    { ...size, data: Float32Array.of(0.2, 0.6), maxValue: 1 },
    { ...size, data: Uint8Array.of(51, 153), maxValue: 255 },
  ];
  const tensor = tf.tensor4d([0.2, 0.6, 0.2, 0.6], [2, 2, 1, 1]);
  assertEquals(await classify(net, images), await classify(net, tensor));
  assertEquals(await classify(net, []), []);
  tensor.dispose();
  net.dispose();
});

Deno.test("classify() puts the first of equal classes first", async () => {
  await use("cpu");
  const net = summing();
  const images = tf.tensor4d([0, 0], [1, 2, 1, 1]);
  const [classes] = await classify(net, images, { top: 4 });
  assertEquals(classes.map(({ label }) => label), [0, 1, 2, 3]);
  for (const { probability } of classes) assertEquals(probability, 0.25);
  images.dispose();
  net.dispose();
});

Deno.test("classify() refuses what it cannot use", async () => {
  await use("cpu");
  const net = summing();
  const images = tf.tensor4d([1, 2], [1, 2, 1, 1]);
  for (const top of [0, 1.5]) {
    await assertRejects(
      () => classify(net, images, { top }),
      OptionError,
      "top",
    );
  }
  const error = await assertRejects(
    () => classify(net, images, { classNames: ["a", "b"] }),
    OptionError,
  );
  assert(
    error.message.includes("must be 4, the number of the network's classes"),
  );
  const wide: Image = {
    ...{ height: 1, width: 2, channels: 1 },
    ...{ data: new Float32Array(2), maxValue: 1 },
  };
  await assertRejects(
    () => classify(net, [wide]),
    ShapeError,
    "image 0 of shape [1,2,1]: the network takes [2,1,1]",
  );
  const flat = tf.tensor4d([1], [1, 1, 1, 1]);
  await assertRejects(() => classify(net, flat), ShapeError);
  net.setWeights([new Float32Array(8).fill(NaN), new Float32Array(4)]);
  await assertRejects(
    () => classify(net, images),
    AlexNetError,
    "not finite: its weights are damaged",
  );
  images.dispose();
  flat.dispose();
  net.dispose();
});
