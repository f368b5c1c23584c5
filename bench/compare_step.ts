/**
 * A process of `compare.ts`: trains AlexNet on a batch and prints as JSON how long each step took.
 *
 * `deno run -A bench/compare_step.ts [--device webgpu|cpu] stock|registered|ours BATCH_SIZE STEPS`
 *
 * - stock: a TensorFlow.js `LayersModel`, `model.fit`, on TensorFlow.js's own WebGPU kernels;
 * - registered: the same after `registerKernels()`;
 * - ours: `alexnet()` and `fit`, the only one that can be told to compute on the CPU.
 */

import { parseArgs } from "@std/cli/parse-args";
import { type DeviceName, initBackend } from "../src/device/open.ts";
import { loadTf, type Tensor1D, type Tensor4D, tf } from "../src/device/tf.ts";
import { registerKernels } from "../src/device/drop_in/register.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { sgd } from "../src/optim/sgd.ts";
import { fit } from "../src/train/fit.ts";

const { device, _: [contender, ...counts] } = parseArgs(Deno.args, {
  string: ["device"],
  default: { device: "webgpu" },
  unknown(word, key) {
    if (key !== undefined) throw new Error(`Unknown option ${word}`);
  },
});
const [batchSize, steps] = counts.map(Number);
const IMAGE_SIZE = 224;
const CLASSES = 10;

/** Trains one step and waits for its loss. */
type Step = (images: Tensor4D, labels: Tensor1D) => Promise<void>;

const step = contender === "ours" ? await ours() : await layersModel();

// Compiles the shaders. Almost all of TensorFlow.js's are the same for any batch size, and its steps take minutes.
await run(contender === "stock" ? 1 : batchSize);
const stepMs: number[] = [];
for (let i = 0; i < steps; i++) stepMs.push(await run(batchSize));
console.log(JSON.stringify({ stepMs }));
Deno.exit(0);

async function run(size: number): Promise<number> {
  const images = tf.randomUniform([size, IMAGE_SIZE, IMAGE_SIZE, 1]);
  const labels = tf.tensor1d(
    Array.from({ length: size }, (_, i) => i % CLASSES),
    "int32",
  );
  await images.data();
  const start = performance.now();
  await step(images as Tensor4D, labels);
  const ms = performance.now() - start;
  tf.dispose([images, labels]);
  return ms;
}

async function ours(): Promise<Step> {
  await initBackend({ device: device as DeviceName });
  const net = alexnet({ classes: CLASSES });
  const optimizer = sgd({ learningRate: 0.01 });
  return async (images, labels) => {
    async function* batches() {
      yield { images, labels };
    }
    await fit(net, { [Symbol.asyncIterator]: batches }, { optimizer });
  };
}

async function layersModel(): Promise<Step> {
  await loadTf();
  if (contender === "registered") await registerKernels();
  await import("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  const { layers, sequential } = await import("@tensorflow/tfjs-layers");
  const conv = (
    filters: number,
    kernelSize: number,
    options: { strides?: number; inputShape?: number[] } = {},
  ) =>
    layers.conv2d({
      filters,
      kernelSize,
      activation: "relu",
      padding: options.strides ? "valid" : "same",
      ...options,
    });
  const pool = () => layers.maxPooling2d({ poolSize: 3, strides: 2 });
  const model = sequential({
    layers: [
      conv(96, 11, { strides: 4, inputShape: [IMAGE_SIZE, IMAGE_SIZE, 1] }),
      pool(),
      conv(256, 5),
      pool(),
      conv(384, 3),
      conv(384, 3),
      conv(256, 3),
      pool(),
      layers.flatten(),
      layers.dense({ units: 4096, activation: "relu" }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 4096, activation: "relu" }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: CLASSES, activation: "softmax" }),
    ],
  });
  model.compile({
    optimizer: tf.train.sgd(0.01),
    loss: "categoricalCrossentropy",
  });
  return async (images, labels) => {
    const targets = tf.oneHot(labels, CLASSES);
    const options = {
      batchSize: images.shape[0],
      epochs: 1,
      shuffle: false,
      verbose: 0 as const,
    };
    await model.fit(images, targets, options);
    targets.dispose();
  };
}
