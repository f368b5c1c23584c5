/** Tests of the loss and the count of correct predictions, on both devices, against plain float64 formulas. */

import { assertEquals } from "@std/assert";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tf,
} from "../../src/device/tf.ts";
import { countCorrect, softmaxCrossEntropy } from "../../src/nn/loss.ts";
import { assertClose } from "../compare.ts";
import { read, use, webgpuTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";
import * as reference from "../models/reference.ts";

interface Case {
  what: string;
  logits: ArrayLike<number>;
  labels: ArrayLike<number>;
  classes: number;
}

const CASES: Case[] = [
  {
    what: "37 images of 10 classes",
    logits: numbers(370, [-5, 5]),
    labels: labelsUpTo(37),
    classes: 10,
  },
  {
    what: "logits so large that exp overflows",
    logits: [1000, 0, -1000, 200, 201, 199],
    labels: [1, 1],
    classes: 3,
  },
  {
    what: "equal logits",
    logits: new Array(8).fill(3),
    labels: [0, 3],
    classes: 4,
  },
];

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  for (const { what, logits, labels, classes } of CASES) {
    test(`softmaxCrossEntropy() of ${what} and its gradient on ${device}`, async () => {
      await use(device);
      const shape = [labels.length, classes];
      const data = Float32Array.from(logits);
      const expected = reference.softmaxCrossEntropy({ data, shape }, labels);
      const [loss, gradient] = await lossAndGradient(data, labels);
      // Differences of logits are exact to one part in 2^24 of the logits: 1e-7 of the largest.
      const absolute = 1e-6;
      assertClose(loss, [expected.loss], { relative: 1e-6, absolute });
      assertClose(gradient, expected.gradient.data, {
        relative: 1e-5,
        absolute,
      });
    });
  }

  test(`softmaxCrossEntropy() divides by count on ${device}`, async () => {
    await use(device);
    const labels = labelsUpTo(6);
    const logits = numbers(60);
    const whole = await lossAndGradient(logits, labels);
    const parts = [
      await lossAndGradient(logits.subarray(0, 20), labels.subarray(0, 2), 6),
      await lossAndGradient(logits.subarray(20), labels.subarray(2), 6),
    ];
    const sum = parts[0][0][0] + parts[1][0][0];
    assertClose([sum], whole[0], { relative: 1e-6 });
    const gradient = [...parts[0][1], ...parts[1][1]];
    assertClose(gradient, whole[1], { relative: 1e-6 });
  });

  test(`softmaxCrossEntropy() passes on the gradient that it is given on ${device}`, async () => {
    await use(device);
    const labels = labelsUpTo(6);
    const values = numbers(60);
    const data = { data: values, shape: [6, 10] };
    const expected = reference.softmaxCrossEntropy(data, labels);
    const gradients = await read(() => {
      const logits = tf.tensor2d(values.slice(), [6, 10]);
      const target = tf.tensor1d(labels, "int32");
      const gradient = tf.grad((z) =>
        softmaxCrossEntropy(z as Tensor2D, target)
      );
      // The gradient of a loss itself, one that is on the host and one that the device computes.
      return [
        gradient(logits),
        gradient(logits, tf.scalar(1)),
        gradient(logits, tf.scalar(3)),
        gradient(logits, tf.scalar(0)),
        gradient(logits, tf.exp(tf.scalar(0))),
        gradient(logits, tf.mul(tf.scalar(1.5), 2)),
      ];
    });
    for (const [i, factor] of [1, 1, 3, 0, 1, 3].entries()) {
      assertClose(
        gradients[i],
        expected.gradient.data.map((value) => factor * value),
        { relative: 1e-5, absolute: 1e-6, what: `gradient ${i}` },
      );
    }
  });

  test(`softmaxCrossEntropy() and its gradient leave no tensors behind on ${device}`, async () => {
    await use(device);
    const logits = tf.tensor2d(numbers(60), [6, 10]);
    const target = tf.tensor1d(labelsUpTo(6), "int32");
    const gradient = tf.grad((z) => softmaxCrossEntropy(z as Tensor2D, target));
    const [one, three] = [tf.scalar(1), tf.scalar(3)];
    const before = tf.memory().numTensors;
    for (const dy of [undefined, one, three]) {
      gradient(logits, dy).dispose();
      assertEquals(tf.memory().numTensors, before);
    }
    tf.dispose([logits, target, one, three]);
  });

  test(`countCorrect() counts the labels with the largest logit on ${device}`, async () => {
    await use(device);
    let dtype = "";
    const [count] = await read(() => {
      const logits = tf.tensor2d([[1, 2, 3], [3, 2, 1], [-3, -1, -2], [
        0,
        9,
        0,
      ]]);
      const correct = countCorrect(logits, tf.tensor1d([2, 1, 1, 1], "int32"));
      dtype = correct.dtype;
      return [correct];
    });
    assertEquals([count[0], dtype], [3, "int32"]);
  });
}

async function lossAndGradient(
  logits: Float32Array,
  labels: ArrayLike<number>,
  count?: number,
): Promise<Float32Array[]> {
  return await read(() => {
    const classes = logits.length / labels.length;
    const z = tf.tensor2d(logits.slice(), [labels.length, classes]);
    const target = tf.tensor1d(Array.from(labels), "int32") as Tensor1D;
    const compute = (z: Tensor) =>
      softmaxCrossEntropy(z as Tensor2D, target, count);
    // A gradient from above that is not 1 has to be passed on.
    const gradient = tf.grad((z) => tf.mul(compute(z), 2))(z);
    return [compute(z), tf.div(gradient, 2)];
  });
}
