/** Tests that training keeps no memory on the device from step to step. */

import { assert, assertEquals } from "@std/assert";
import type { MemoryInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { tf } from "../../src/device/tf.ts";
import { flush } from "../../src/device/webgpu/run/recorder.ts";
import { unitScale } from "../../src/device/webgpu/update/gradient_scale.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const BATCH = 4;
const WARM_UP_STEPS = 2;
const STEPS = 20;

/** A network with every kind of layer, 14x14x1 to 3 classes. */
function makeNet(): Sequential {
  return new Sequential({
    inputShape: [14, 14, 1],
    layers: [
      conv2d({ filters: 4, kernelSize: 3, activation: "relu" }),
      maxPool2d({ poolSize: 2 }),
      conv2d({ filters: 5, kernelSize: 3, activation: "sigmoid" }),
      averagePool2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 6, activation: "relu" }),
      dropout({ rate: 0.5 }),
      dense({ units: 3 }),
    ],
  });
}

/** A batch for it. */
function makeBatch() {
  const pixels = Float32Array.from(numbers(BATCH * 14 * 14, [0, 1]));
  return {
    images: tf.tensor4d(pixels, [BATCH, 14, 14, 1]),
    labels: tf.tensor1d([0, 1, 2, 0], "int32"),
  };
}

/** What is alive, once no command waits for the memory that it uses. */
function measure() {
  const backend = tf.backend() as WebGPUBackend;
  flush(backend);
  const memory = tf.memory() as MemoryInfo & { numBytesInGPU: number };
  return {
    tensors: memory.numTensors,
    dataIds: backend.numDataIds(),
    bytes: memory.numBytesInGPU,
  };
}

webgpuTest(
  `lossAndGradients() and sgd() do not grow the memory over ${STEPS} steps`,
  async () => {
    await use("webgpu");
    // It stays on the device.
    unitScale(tf.backend() as WebGPUBackend);
    const before = measure();
    const net = makeNet();
    const { images, labels } = makeBatch();
    const optimizer = sgd({ learningRate: 0.01, momentum: 0.9 });
    const sizes = [];
    for (let step = 0; step < WARM_UP_STEPS + STEPS; step++) {
      const results = lossAndGradients(net, images, labels, { step });
      optimizer.apply(net.getWeights(), results.gradients);
      tf.dispose([results.loss, results.correct, ...results.gradients]);
      sizes.push(measure());
    }
    const [first, ...rest] = sizes.slice(WARM_UP_STEPS - 1);
    assertEquals(rest, rest.map(() => first));
    assert(first.bytes > before.bytes, "the weights are on the device");
    optimizer.dispose();
    net.dispose();
    tf.dispose([images, labels]);
    assertEquals(measure(), before);
  },
);

webgpuTest(
  "lossAndGradients() leaves no tensor behind in a caller's tidy",
  async () => {
    await use("webgpu");
    const net = makeNet();
    const { images, labels } = makeBatch();
    const sizes = [];
    for (let step = 0; step < 3; step++) {
      tf.tidy(() => {
        lossAndGradients(net, images, labels, { step });
      });
      sizes.push(measure());
    }
    // What is made once per shape or device is made in the first.
    const [first, ...rest] = sizes;
    assertEquals(rest, rest.map(() => first));
    net.dispose();
    tf.dispose([images, labels]);
  },
);
