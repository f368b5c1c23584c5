/**
 * Tests of predictions and of what is counted from them, against counting by hand and an example of scikit-learn's documentation.
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { Image } from "../../src/data/dataset.ts";
import { tf } from "../../src/device/tf.ts";
import {
  AlexNetError,
  DataError,
  OptionError,
  ShapeError,
} from "../../src/errors.ts";
import { dense, flatten, Sequential } from "../../src/nn/mod.ts";
import type { Progress } from "../../src/train/callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import {
  classify,
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
} from "../../src/train/predictions.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { CLASSES, tinyData, tinyNet } from "./tiny.ts";

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`evaluatePredictions() is what softmax gives, image by image, on ${device}`, async () => {
    await use(device);
    // Dropout, which has to be off, and a last batch of two images.
    const net = tinyNet({ rate: 0.9, seed: 2 });
    const data = tinyData({ count: 14 });
    const before = tf.memory().numTensors;
    const expected = {
      labels: [] as number[],
      predicted: [] as number[],
      probabilities: [] as number[],
      losses: [] as number[],
    };
    for await (const { images, labels } of data) {
      const logits = net.predict(images);
      const values = await logits.data<"float32">();
      logits.dispose();
      (await labels.data()).forEach((label, n) => {
        const row = values.subarray(n * CLASSES, (n + 1) * CLASSES);
        const shares = Array.from(row, (z) => Math.exp(z));
        const sum = shares.reduce((a, b) => a + b);
        const predicted = row.indexOf(Math.max(...row));
        expected.labels.push(label);
        expected.predicted.push(predicted);
        expected.probabilities.push(shares[predicted] / sum);
        expected.losses.push(-Math.log(shares[label] / sum));
      });
    }
    const found = await evaluatePredictions(net, data);
    assertEquals([...found.labels], expected.labels);
    assertEquals([...found.predicted], expected.predicted);
    const near = { relative: 1e-5, absolute: 1e-6 };
    assertClose(found.probabilities, expected.probabilities, near);
    assertClose(found.losses, expected.losses, near);
    const { loss, accuracy } = await evaluate(net, data);
    assertEquals(found.accuracy, accuracy);
    assertEquals(found.loss, loss);
    assertEquals(tf.memory().numTensors, before);
    net.dispose();
  });
}

Deno.test("evaluatePredictions() reports progress as it goes", async () => {
  await use("cpu");
  const net = tinyNet();
  const events: Progress[] = [];
  const { loss, accuracy } = await evaluatePredictions(
    net,
    tinyData({ count: 4 }),
    { epoch: 3, onProgress: (event) => void events.push(event) },
  );
  const { imagesPerSecond, secondsPerBatch, ...rest } = events[0];
  assertEquals(rest, {
    ...{ phase: "evaluate", epoch: 3, batch: 1, batches: 1 },
    ...{ loss, accuracy },
  });
  assert(imagesPerSecond > 0 && secondsPerBatch > 0);
  net.dispose();
});

Deno.test("evaluatePredictions() refuses data without batches, and frees what it has when the data fails", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  const empty = { async *[Symbol.asyncIterator]() {} };
  await assertRejects(
    () => evaluatePredictions(net, empty),
    DataError,
    "Cannot evaluate as the data has no batches",
  );
  const failing = {
    async *[Symbol.asyncIterator]() {
      yield* tinyData({ count: 8 });
      throw new Error("unplugged");
    },
  };
  await assertRejects(
    () => evaluatePredictions(net, failing),
    Error,
    "unplugged",
  );
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

Deno.test("evaluatePredictions() takes neither damaged weights nor labels of other classes for results", async () => {
  await use("cpu");
  const net = tinyNet();
  const before = tf.memory().numTensors;
  const withLabel = (label: number) => ({
    async *[Symbol.asyncIterator]() {
      const labels = tf.tensor1d([0, 1, label, 2], "int32");
      try {
        for await (const { images } of tinyData({ count: 4 })) {
          yield { images, labels };
        }
      } finally {
        labels.dispose();
      }
    },
  });
  for (const label of [3, -1]) {
    await assertRejects(
      () => evaluatePredictions(net, withLabel(label)),
      ShapeError,
      `label ${label} is not one of the 3 classes of the network, 0 to 2`,
    );
  }
  const weights = await Promise.all(
    net.getWeights().map((w) => w.data<"float32">()),
  );
  weights[0][5] = NaN;
  net.setWeights(weights);
  await assertRejects(
    () => evaluatePredictions(net, tinyData()),
    AlexNetError,
    "Cannot evaluate as the network gives numbers that are not finite: its weights are damaged",
  );
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

/** The example of scikit-learn's `confusion_matrix`, and a class that is never there and never predicted. */
const EXAMPLE = {
  labels: Int32Array.of(2, 0, 2, 2, 0, 1),
  predicted: Int32Array.of(0, 0, 2, 2, 0, 2),
};

Deno.test("confusionMatrix() has a row per true class, as scikit-learn's", () => {
  assertEquals(confusionMatrix(EXAMPLE, 3), [[2, 0, 0], [0, 0, 1], [1, 0, 2]]);
  assertEquals(confusionMatrix(EXAMPLE, 4)[3], [0, 0, 0, 0]);
});

Deno.test("confusionMatrix() refuses classes that there are not", () => {
  assertThrows(() => confusionMatrix(EXAMPLE, 2), OptionError, "labels[0]");
  assertThrows(
    () =>
      confusionMatrix({
        labels: Int32Array.of(0),
        predicted: Int32Array.of(-1),
      }, 2),
    OptionError,
    "predicted[0]",
  );
  assertThrows(() => confusionMatrix(EXAMPLE, 0), OptionError, "classes");
  assertThrows(
    () => confusionMatrix({ ...EXAMPLE, predicted: Int32Array.of(0) }, 3),
    ShapeError,
    "6 labels with 1 predicted",
  );
});

Deno.test("classMetrics() follows scikit-learn's definitions: a share of nothing is 0", () => {
  const metrics = classMetrics(confusionMatrix(EXAMPLE, 4));
  assertEquals(metrics.map(({ support }) => support), [2, 1, 3, 0]);
  const near = { relative: 1e-12 };
  // By hand, as precision_recall_fscore_support(y_true, y_pred, labels=[0, 1, 2, 3], zero_division=0) defines them
  assertClose(
    metrics.map(({ precision }) => precision),
    [2 / 3, 0, 2 / 3, 0],
    near,
  );
  assertClose(metrics.map(({ recall }) => recall), [1, 0, 2 / 3, 0], near);
  assertClose(metrics.map(({ f1 }) => f1), [0.8, 0, 2 / 3, 0], near);
});

Deno.test("classMetrics() refuses a matrix that is not square", () => {
  assertThrows(() => classMetrics([[1, 2], [3]]), ShapeError, "2 rows");
});

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
