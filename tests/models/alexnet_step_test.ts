/**
 * One AlexNet step of two images on each device, against plain loops, for which the CPU backend of tfjs would take a minute.
 * The images are the smallest that AlexNet takes. At its own size, its first layer is compared on each device by the tests of
 * `ALEXNET_FIRST` in `tests/device/webgpu`, and on WebGPU conv2 and conv4 are by `tests/device/webgpu/conv/winograd_error_test.ts`.
 */

import { assertEquals } from "@std/assert";
import { type Tensor, type Tensor4D, tf } from "../../src/device/tf.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import { type Sequential, summarize } from "../../src/nn/sequential.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertCloseTensor } from "../compare.ts";
import { deviceTest, read, use } from "../device.ts";
import { numbers } from "../numbers.ts";
import type { Values } from "./reference.ts";
import * as reference from "./reference.ts";

const SIDE = 67;
const LABELS = [3, 7];

/** Kind, stride and zeros before the image of each AlexNet layer that has a window. */
const WINDOWS: Record<string, { stride: number; before: number }> = {
  conv2d_1: { stride: 4, before: 0 },
  conv2d_2: { stride: 1, before: 2 },
  conv2d_3: { stride: 1, before: 1 },
  conv2d_4: { stride: 1, before: 1 },
  conv2d_5: { stride: 1, before: 1 },
};

// A rounding error may move a value across the kink of a relu or the tie of two in a max pool, which changes the
// gradient by a jump that says nothing of the kernels: among a million such values one or two do. So each layer gets
// the device's own output of the layer before it, and the gradient takes the same side of each kink as the device did.
deviceTest(
  "alexnet() has the logits, loss and gradients of plain loops",
  async (device) => {
    await use(device);
    const net = alexnet({ dropout: 0, imageSize: SIDE });
    const weights = makeWeights(net);
    net.setWeights(weights.map(({ data }) => data as Float32Array));
    const pixels = numbers(2 * SIDE * SIDE, [0, 1]);
    const [logits, loss, correct, ...rest] = await read(() => {
      const images = tf.tensor4d(pixels, [2, SIDE, SIDE, 1]);
      return [
        net.predict(images),
        ...stepOf(net, images),
        ...activations(net, images),
      ];
    });
    const count = net.getWeights().length;
    const gradients = rest.slice(0, count);
    const layers = summarize(net.layers, net.inputShape);
    const values: Values[] = layers.map(({ outputShape }, i) => ({
      data: rest[count + i],
      shape: [2, ...outputShape],
    }));
    const inputs = [{ data: pixels, shape: [2, SIDE, SIDE, 1] }, ...values];
    net.dispose();
    const last = values.length - 1;
    assertEquals(logits, values[last].data);

    let weight = 0;
    layers.forEach(({ name, kind, weights: { length } }, i) => {
      const expected = forward(
        { name, kind, isLast: i === last },
        inputs[i],
        weights.slice(weight, weight + length),
      );
      assertCloseTensor(values[i].data, expected.data, {
        relative: 1e-5,
        what: `output of ${name}`,
      });
      weight += length;
    });

    const head = reference.softmaxCrossEntropy(values[last], LABELS);
    assertCloseTensor(loss, [head.loss], { relative: 1e-4, what: "loss" });
    assertEquals(correct[0], countCorrect(logits));

    let dy = head.gradient;
    for (let i = last; i >= 0; i--) {
      const { name, kind, weights: { length } } = layers[i];
      weight -= length;
      if (length > 0 && i < last) dy = mask(dy, values[i]);
      if (kind === "max_pool2d") {
        const { positions } = reference.maxPool2d(inputs[i], {
          size: 3,
          stride: 2,
        });
        const data = new Float64Array(inputs[i].data.length);
        positions.forEach((position, k) => data[position] += dy.data[k]);
        dy = { data, shape: inputs[i].shape };
      } else if (length > 0) {
        const { dx, dKernel, dBias } = kind === "dense"
          ? reference.denseGradients(inputs[i], weights[weight], dy)
          : reference.conv2dGradients(
            inputs[i],
            weights[weight],
            dy,
            WINDOWS[name],
          );
        const relative = 1e-4;
        assertCloseTensor(gradients[weight], dKernel, {
          relative,
          what: `gradient of ${name}.kernel`,
        });
        assertCloseTensor(gradients[weight + 1], dBias, {
          relative,
          what: `gradient of ${name}.bias`,
        });
        dy = dx;
      } else dy = { data: dy.data, shape: inputs[i].shape };
    }
  },
);

/** Weights that keep the scale of the images, and biases that are not zero. */
function makeWeights(net: Sequential): Values[] {
  // 46 million random numbers would take longer than the step: these repeat, at a place of no row.
  const pool = numbers(1_000_003);
  return net.getWeights().map(({ shape, size }) => {
    const fanIn = shape.slice(0, -1).reduce((product, n) => product * n, 1);
    const limit = shape.length === 1 ? 0.1 : Math.sqrt(6 / fanIn);
    const data = Float32Array.from(
      { length: size },
      (_, k) => limit * pool[k % pool.length],
    );
    return { shape, data };
  });
}

function stepOf(net: Sequential, images: Tensor4D): Tensor[] {
  const labels = tf.tensor1d(LABELS, "int32");
  const { loss, correct, gradients } = lossAndGradients(net, images, labels);
  return [loss, correct, ...gradients];
}

function activations(net: Sequential, images: Tensor4D): Tensor[] {
  const context = {
    training: true,
    seed: 0,
    step: 0,
    firstImage: 0,
    needsInputGradient: true,
  };
  const weights: Tensor[] = net.getWeights();
  const placed = summarize(net.layers, net.inputShape);
  let x: Tensor = images;
  let begin = 0;
  return net.layers.map((layer, layerIndex) => {
    const end = begin + placed[layerIndex].weights.length;
    x = layer.apply(x, weights.slice(begin, end), { ...context, layerIndex });
    begin = end;
    return tf.clone(x);
  });
}

function forward(
  layer: { name: string; kind: string; isLast: boolean },
  x: Values,
  weights: readonly Values[],
): Values {
  const { name, kind, isLast } = layer;
  const relu = (y: Values) => ({
    ...y,
    data: y.data.map((value) => Math.max(value, 0)),
  });
  if (kind === "max_pool2d") {
    return reference.maxPool2d(x, { size: 3, stride: 2 });
  }
  if (kind === "dense") {
    const y = reference.dense(x, weights);
    return isLast ? y : relu(y);
  }
  if (kind !== "conv2d") return x;
  const { stride, before } = WINDOWS[name];
  const room = x.shape[1] + 2 * before - weights[0].shape[0];
  const size = Math.floor(room / stride) + 1;
  return relu(reference.conv2d(x, weights, { stride, before, size }));
}

function mask(dy: Values, y: Values): Values {
  return { ...dy, data: dy.data.map((value, i) => y.data[i] > 0 ? value : 0) };
}

function countCorrect(logits: Float32Array): number {
  return LABELS.filter((label, n) => {
    const row = logits.subarray(n * 10, n * 10 + 10);
    return row[label] === Math.max(...row);
  }).length;
}
