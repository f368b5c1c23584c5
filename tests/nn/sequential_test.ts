/** Tests of networks: their layer table, their weights, and who owns what, on the CPU backend. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Tensor4D, tf } from "../../src/device/tf.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { maxPool2d } from "../../src/nn/pooling.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { assertClose } from "../compare.ts";
import { read, use } from "../device.ts";
import { numbers } from "../numbers.ts";

const INPUT = [6, 6, 2];

async function makeNet(seed = 0): Promise<Sequential> {
  await use("cpu");
  return new Sequential({
    inputShape: INPUT,
    seed,
    layers: [
      conv2d({ filters: 3, kernelSize: 3, activation: "relu" }),
      maxPool2d({ poolSize: 2 }),
      conv2d({ filters: 4, kernelSize: 2, padding: "same" }),
      flatten(),
      dense({ units: 5 }),
    ],
  });
}

const makeImages = (batch: number, [height, width, channels] = INPUT) =>
  tf.tensor4d(
    numbers(batch * height * width * channels),
    [batch, height, width, channels],
  );

async function weightsOf(net: Sequential): Promise<Float32Array[]> {
  return await read(() => net.getWeights().map((w) => tf.clone(w)));
}

Deno.test("summary() has the shape, weights and multiply-adds of each layer", async () => {
  const net = await makeNet();
  assertEquals(net.summary([7, ...INPUT]), [
    row("conv2d_1", [7, 4, 4, 3], 3 * 3 * 2 * 3 + 3, 4 * 4 * 3 * 18),
    row("max_pool2d_1", [7, 2, 2, 3], 0, 0),
    row("conv2d_2", [7, 2, 2, 4], 2 * 2 * 3 * 4 + 4, 2 * 2 * 4 * 12),
    row("flatten_1", [7, 16], 0, 0),
    row("dense_1", [7, 5], 16 * 5 + 5, 80),
  ]);
  assertEquals(net.summary()[0].outputShape, [1, 4, 4, 3]);
  assertThrows(() => net.summary([1, 9, 9, 2, 1]), ShapeError);
  net.dispose();
});

Deno.test("getWeights() lists the variables in layer order, kernel then bias", async () => {
  const net = await makeNet();
  assertEquals(net.getWeights().map(({ shape }) => shape), [
    [3, 3, 2, 3],
    [3],
    [2, 2, 3, 4],
    [4],
    [16, 5],
    [5],
  ]);
  assertEquals(net.weightNames(), [
    "conv2d_1.kernel",
    "conv2d_1.bias",
    "conv2d_2.kernel",
    "conv2d_2.bias",
    "dense_1.kernel",
    "dense_1.bias",
  ]);
  net.getWeights().pop();
  assertEquals(net.getWeights().length, 6);
  net.dispose();
});

Deno.test("Sequential starts from its seed, with another stream for each weight", async () => {
  const nets = [await makeNet(5), await makeNet(5), await makeNet(6)];
  const weights: Float32Array[][] = [];
  for (const net of nets) weights.push(await weightsOf(net));
  assertEquals(weights[0], weights[1]);
  for (const i of [0, 2, 4]) {
    assertNotEquals(weights[0][i], weights[2][i]);
    assert(weights[0][i + 1].every((value) => value === 0), "biases are zero");
  }
  // Kernels scaled by their limits would have the same beginning if they shared a stream.
  const [first, second] = [0, 2].map((i) => weights[0][i][0]);
  const scale = Math.sqrt((9 * 2 + 9 * 3) / (4 * 3 + 4 * 4));
  assert(Math.abs(second / first / scale - 1) > 1e-3);
  nets.forEach((net) => net.dispose());
});

Deno.test("setWeights() copies tensors and Float32Arrays", async () => {
  const net = await makeNet();
  const before = tf.memory().numTensors;
  const arrays = net.getWeights().map(({ size }, i) =>
    numbers(size, [-1, 1], i)
  );
  const expected = arrays.map((array) => array.slice());
  const kernel = tf.tensor(arrays[0].slice(), [3, 3, 2, 3]);
  net.setWeights([kernel, ...arrays.slice(1)]);
  assert(!kernel.isDisposed);
  kernel.dispose();
  arrays.forEach((array) => array.fill(9));
  assertEquals(await weightsOf(net), expected);
  assertEquals(tf.memory().numTensors, before);
  net.dispose();
});

Deno.test("setWeights() keeps the variables, so that an optimizer goes on", async () => {
  const net = await makeNet();
  const variables = net.getWeights();
  net.setWeights(variables.map(({ size }) => new Float32Array(size)));
  net.getWeights().forEach((w, i) => assertStrictEquals(w, variables[i]));
  net.dispose();
});

Deno.test("setWeights() changes nothing when a value does not fit", async () => {
  const net = await makeNet();
  const before = await weightsOf(net);
  const numTensors = tf.memory().numTensors;
  const ones = net.getWeights().map(({ size }) =>
    new Float32Array(size).fill(1)
  );
  const flat = tf.ones([54]);
  const cases: [values: typeof ones, message: string][] = [
    [ones.slice(1), "expected 6 values, got 5"],
    [[...ones, new Float32Array(1)], "expected 6 values, got 7"],
    [
      ones.with(5, new Float32Array(4)),
      "weight 5: expected float32 of shape [5], got 4 values",
    ],
    [
      ones.with(0, flat as unknown as Float32Array<ArrayBuffer>),
      "weight 0: expected float32 of shape [3,3,2,3], got float32 of shape [54]",
    ],
  ];
  for (const [values, message] of cases) {
    assertThrows(() => net.setWeights(values), ShapeError, message);
  }
  flat.dispose();
  assertEquals(await weightsOf(net), before);
  assertEquals(tf.memory().numTensors, numTensors);
  net.dispose();
});

Deno.test("predict() gives logits per image, whatever the batch", async () => {
  const net = await makeNet(1);
  const numTensors = tf.memory().numTensors;
  const [whole, first, last] = await read(() => {
    const images = makeImages(3);
    return [
      net.predict(images),
      net.predict(tf.slice(images, 0, 1) as Tensor4D),
      net.predict(tf.slice(images, 2, 1) as Tensor4D),
    ];
  });
  assertEquals(whole.length, 15);
  assertClose(whole.subarray(0, 5), first, { absolute: 1e-6 });
  assertClose(whole.subarray(10), last, { absolute: 1e-6 });
  assertEquals(tf.memory().numTensors, numTensors);
  net.dispose();
});

Deno.test("predict() keeps its images and only the logits", async () => {
  const net = await makeNet();
  const images = makeImages(2);
  const numTensors = tf.memory().numTensors;
  const logits = net.predict(images);
  assertEquals(logits.shape, [2, 5]);
  assertEquals(tf.memory().numTensors, numTensors + 1);
  assert(!images.isDisposed);
  logits.dispose();
  images.dispose();
  net.dispose();
});

Deno.test("predict() refuses images of another shape", async () => {
  const net = await makeNet();
  const wrong = [
    makeImages(1, [6, 6, 1]),
    makeImages(1, [5, 6, 2]),
    tf.zeros([6, 6, 2]),
    tf.zeros([0, 6, 6, 2]),
  ];
  for (const images of wrong) {
    assertThrows(
      () => net.predict(images as Tensor4D),
      ShapeError,
      `Cannot use images of shape [${images.shape}]: the network takes [batch, 6, 6, 2]`,
    );
    images.dispose();
  }
  net.dispose();
});

Deno.test("Sequential refuses layers that do not fit each other, and seeds that cannot be", async () => {
  await use("cpu");
  const numTensors = tf.memory().numTensors;
  const layers = [conv2d({ filters: 2, kernelSize: 1 }), dense({ units: 2 })];
  assertThrows(
    () => new Sequential({ layers, inputShape: INPUT }),
    ShapeError,
    "put flatten() before it",
  );
  for (const seed of [-1, 0.5, 2 ** 32, NaN]) {
    assertThrows(
      () => new Sequential({ layers: [flatten()], inputShape: INPUT, seed }),
      OptionError,
      "seed",
    );
  }
  assertEquals(tf.memory().numTensors, numTensors);
});

Deno.test("dispose() frees all weights", async () => {
  await use("cpu");
  const before = tf.memory().numTensors;
  const net = await makeNet();
  assertEquals(tf.memory().numTensors, before + 6);
  net.dispose();
  assertEquals(tf.memory().numTensors, before);
});

function row(
  name: string,
  outputShape: number[],
  params: number,
  macs: number,
): ReturnType<Sequential["summary"]>[number] {
  const kind = name.replace(/_\d+$/, "");
  return { name, kind, outputShape, params, macs };
}
