/**
 * Tests of batches larger than the adapter binds, in a process whose WebGPU binds only 256 KiB: the results are those of
 * the CPU backend, which takes every batch whole.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Image } from "../../src/data/dataset.ts";
import { type Tensor, type Tensor4D, tf } from "../../src/device/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { classify } from "../../src/train/predictions.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertCloseTensor } from "../compare.ts";
import { readBoth, use, webgpuTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

const BINDING_BYTES = 256 * 1024;

/** Size of the largest buffer that a shader could bind, in bytes. */
let largestBuffer = 0;

// First, as the limit cannot change later.
webgpuTest("initBackend() opens WebGPU with a smaller binding", async () => {
  const info = await use("webgpu", { maxBindingBytes: BINDING_BYTES });
  assertEquals(info.maxBindingBytes, BINDING_BYTES);
  // The device itself would still take 128 MiB, the least that WebGPU allows: so see what it is asked for.
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const isBound = (descriptor.usage & GPUBufferUsage.STORAGE) !== 0;
    if (isBound) largestBuffer = Math.max(largestBuffer, descriptor.size);
    return createBuffer(descriptor);
  };
});

interface Case {
  what: string;
  /** Images in a batch. */
  batch: number;
  pooling: "average" | "max";
  /** Images that fit 256 KiB in training. */
  fits: number;
  rate: number;
}

// 20x20x5 outputs of conv2d, which average pooling needs whole: 8,000 bytes an image, 32 images. 1,600 bytes of input: 163
// images.
const AVERAGE = { pooling: "average", fits: 32 } as const;

// 20x20x16 outputs of conv2d, of which max pooling takes 8 images at a time, so that the input is what has to fit.
const MAX = { pooling: "max", fits: 163 } as const;

const CASES: Case[] = [
  { ...AVERAGE, what: "in two uneven parts", batch: 33, rate: 0 },
  {
    ...AVERAGE,
    what: "in two uneven parts with dropout",
    batch: 33,
    rate: 0.5,
  },
  { ...AVERAGE, what: "itself larger than a binding", batch: 170, rate: 0 },
  { ...AVERAGE, what: "itself larger, with dropout", batch: 170, rate: 0.5 },
  { ...MAX, what: "in parts up to the pooling", batch: 33, rate: 0 },
  {
    ...MAX,
    what: "in parts up to the pooling, with dropout",
    batch: 33,
    rate: 0.5,
  },
];
for (const { what, batch, pooling, fits, rate } of CASES) {
  webgpuTest(
    `lossAndGradients() and predict() of a batch ${what} equal those of the CPU`,
    async () => {
      const { webgpu, cpu } = await readBoth(() => {
        const net = makeNet(rate, pooling);
        const max = net.maxBatch();
        const isWhole = tf.getBackend() === "cpu";
        assertEquals(max, isWhole ? Infinity : fits);
        const images = makeImages(batch);
        const labels = tf.tensor1d(labelsUpTo(batch), "int32");
        const results = lossAndGradients(net, images, labels, { step: 3 });
        const { loss, correct, gradients } = results;
        assertEquals([loss.dtype, correct.dtype], ["float32", "int32"]);
        const logits = net.predict(images);
        assertEquals(logits.shape, [batch, 10]);
        net.dispose();
        return [loss, logits, correct, ...gradients];
      });
      assert(
        largestBuffer > 0 && largestBuffer <= BINDING_BYTES,
        `${largestBuffer} bytes`,
      );
      assertEquals(webgpu[2], cpu[2]);
      webgpu.forEach((values, i) =>
        assertCloseTensor(values, cpu[i], {
          relative: 1e-5,
          what: `tensor ${i}`,
        })
      );
    },
  );
}

webgpuTest(
  "lossAndGradients() and predict() of a split batch keep nothing but their results",
  async () => {
    await use("webgpu");
    const net = makeNet(0.5);
    const images = makeImages(170);
    const labels = tf.tensor1d(labelsUpTo(170), "int32");
    const before = tf.memory().numTensors;
    const { loss, correct, gradients } = lossAndGradients(net, images, labels);
    const results: Tensor[] = [
      loss,
      correct,
      net.predict(images),
      ...gradients,
    ];
    assertEquals(tf.memory().numTensors, before + results.length);
    assert(!images.isDisposed && !labels.isDisposed);
    tf.dispose([...results, images, labels]);
    net.dispose();
  },
);

webgpuTest(
  "lossAndGradients() refuses a weight larger than a binding",
  async () => {
    await use("webgpu");
    const net = new Sequential({
      inputShape: [20, 20, 1],
      layers: [flatten(), dense({ units: 164 })],
    });
    const images = makeImages(1);
    const labels = tf.tensor1d([0], "int32");
    const message = "the adapter binds at most 262144";
    assertThrows(
      () => lossAndGradients(net, images, labels),
      ShapeError,
      message,
    );
    assertThrows(() => net.predict(images), ShapeError, message);
    tf.dispose([images, labels]);
    net.dispose();
  },
);

webgpuTest(
  "classify() takes images that are together larger than a binding",
  async () => {
    const images = Array.from({ length: 170 }, (_, i): Image => ({
      data: Float32Array.from(numbers(400, [0, 1]), (value) => value * i / 170),
      height: 20,
      width: 20,
      channels: 1,
      maxValue: 1,
    }));
    const bytes = images.length * 400 * Float32Array.BYTES_PER_ELEMENT;
    assert(bytes > BINDING_BYTES, `${bytes}`);
    await use("webgpu", { maxBindingBytes: BINDING_BYTES });
    const net = makeNet(0);
    const found = await classify(net, images, { top: 10 });
    assertEquals(found.length, images.length);
    const [first, , , last] = await Promise.all(
      [0, 1, 2, 169].map((i) => classify(net, [images[i]], { top: 10 })),
    );
    assertEquals([found[0], found[169]], [first[0], last[0]]);
    net.dispose();
  },
);

function makeImages(batch: number): Tensor4D {
  return tf.tensor4d(numbers(batch * 400, [0, 1]), [batch, 20, 20, 1]);
}

function makeNet(
  rate: number,
  pooling: Case["pooling"] = "average",
): Sequential {
  return new Sequential({
    inputShape: [20, 20, 1],
    seed: 4,
    layers: [
      // Sigmoid and average pooling have no kinks that a rounding error could cross; large windows make those of max pooling
      // few.
      ...pooling === "average"
        ? [
          conv2d({
            filters: 5,
            kernelSize: 3,
            padding: "same",
            activation: "sigmoid",
          }),
          averagePool2d({ poolSize: 4 }),
        ]
        : [
          conv2d({ filters: 16, kernelSize: 3, padding: "same" }),
          maxPool2d({ poolSize: 10 }),
        ],
      dropout({ rate }),
      flatten(),
      dense({ units: 21, activation: "sigmoid" }),
      dropout({ rate }),
      dense({ units: 10 }),
    ],
  });
}
