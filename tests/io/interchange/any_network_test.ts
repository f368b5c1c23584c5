/**
 * Tests of exports of a network that has what AlexNet and LeNet have not: images that are not square, several channels,
 * padding of an odd number of pixels, and activations that are layers.
 */

import { assertEquals } from "@std/assert";
import * as tfl from "@tensorflow/tfjs-layers";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { describeNetwork, networkOf } from "../../../src/io/network.ts";
import { exportOnnx } from "../../../src/io/interchange/onnx.ts";
import { pytorchWeights } from "../../../src/io/interchange/pytorch.ts";
import { exportTfjs } from "../../../src/io/interchange/tfjs.ts";
import { relu, sigmoid } from "../../../src/nn/activation.ts";
import { conv2d } from "../../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../../src/nn/dense.ts";
import { averagePool2d, maxPool2d } from "../../../src/nn/pooling.ts";
import { Sequential } from "../../../src/nn/sequential.ts";
import { assertClose } from "../../compare.ts";
import { makeFolder } from "../../data/folder.ts";
import { read, use } from "../../device.ts";
import { numbers } from "../../numbers.ts";
import { onnxLogits } from "./onnx_runtime.ts";

const NETWORK = {
  inputShape: [13, 18, 3],
  layers: [
    conv2d({ filters: 5, kernelSize: [4, 2], strides: 2, padding: "same" }),
    relu(),
    maxPool2d({ poolSize: 2, strides: 1, padding: "same" }),
    conv2d({ filters: 4, kernelSize: [3, 2], activation: "relu" }),
    averagePool2d({ poolSize: [2, 3], strides: [2, 1], padding: "same" }),
    dropout({ rate: 0.4 }),
    flatten(),
    dropout({ rate: 0.5 }),
    dense({ units: 6 }),
    sigmoid(),
    dense({ units: 3 }),
  ],
};
const COUNT = 5;
const SHAPE: [number, number, number, number] = [COUNT, 13, 18, 3];
const IMAGES = numbers(COUNT * 13 * 18 * 3, [0, 1], 9);
const DESCRIBED = describeNetwork(networkOf(NETWORK));
const TENSORS = new Map(
  DESCRIBED.layers.flatMap(({ weights }) => weights).map(
    ({ name, shape }, i) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, values: numbers(size, [-0.7, 0.7], i) }];
    },
  ),
);

/** What this package makes of the images. */
async function expected(): Promise<Float32Array> {
  await use("cpu");
  const net = new Sequential(NETWORK);
  net.setWeights(net.weightNames().map((name) => TENSORS.get(name)!.values));
  const [logits] = await read(() => [net.predict(tf.tensor(IMAGES, SHAPE))]);
  net.dispose();
  return logits;
}

Deno.test("exportOnnx() writes any network of the layers of here", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net.onnx`;
  await exportOnnx(path, DESCRIBED, TENSORS);
  const images = { values: IMAGES, shape: SHAPE };
  const { dims, values } = await onnxLogits(path, images);
  assertEquals(dims, [COUNT, 3]);
  const tolerance = { absolute: 1e-5, what: "logits" };
  assertClose(values, await expected(), tolerance);
});

Deno.test("exportTfjs() writes any network of the layers of here", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net`;
  await exportTfjs(path, DESCRIBED, TENSORS);
  const { modelTopology, weightsManifest } = JSON.parse(
    await Deno.readTextFile(`${path}/model.json`),
  );
  const [{ paths: [shard], weights }] = weightsManifest;
  const { buffer } = await Deno.readFile(`${path}/${shard}`);
  await use("cpu");
  const model = await tfl.loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weights,
      weightData: buffer,
    }),
  );
  const [logits] = await read(() => [
    model.predict(tf.tensor(IMAGES, SHAPE)) as Tensor,
  ]);
  model.dispose();
  const tolerance = { absolute: 1e-5, what: "logits" };
  assertClose(logits, await expected(), tolerance);
});

Deno.test("pytorchWeights() counts a module per layer and activation, and turns the first dense kernel", () => {
  const weights = pytorchWeights(DESCRIBED.layers);
  const names = ["0", "3", "9", "11"].flatMap((
    index,
  ) => [`${index}.weight`, `${index}.bias`]);
  assertEquals(weights.map(({ theirs }) => theirs), names);
  const [height, width, channels] = DESCRIBED.layers
    .find(({ config }) => config.kind === "flatten")!.inputShape;
  const first = weights[4];
  const here = TENSORS.get(first.name)!;
  const there = first.toTheirs(here);
  assertEquals(there.shape, [6, height * width * channels]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const column = (c * height + y) * width + x;
        const row = (y * width + x) * channels + c;
        for (let out = 0; out < 6; out++) {
          assertEquals(
            there.values[out * there.shape[1] + column],
            here.values[row * 6 + out],
          );
        }
      }
    }
  }
  for (const weight of weights) {
    const tensor = TENSORS.get(weight.name)!;
    assertEquals(weight.toOurs(weight.toTheirs(tensor)), tensor);
  }
});
