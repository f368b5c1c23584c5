/**
 * One process of the comparison: trains AlexNet on a batch with jax-js and prints how long each step took, as JSON.
 *
 * `deno run -A --config bench/peers/deno.json bench/peers/jax_step.ts BATCH_SIZE STEPS`
 *
 * The network is that of `src/models/alexnet.ts` without dropout, images and filters with the channels first as jax-js has
 * them, trained with plain SGD. A whole step is one `jit`, the fastest that jax-js offers.
 */

import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  random,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../../src/device/webgpu/run/adapter.ts";

/** The weights and the bias of each layer, in order. jax-js frees an array that is used, unless `ref` is. */
type Weights = { kernel: np.Array; bias: np.Array }[];

const [batchSize, steps] = Deno.args.map(Number);
const IMAGE_SIZE = 224;
const CLASSES = 10;
const LEARNING_RATE = 0.01;

/** Filters, input channels and window of each convolution. */
const CONVOLUTIONS = [
  [96, 1, 11],
  [256, 96, 5],
  [384, 256, 3],
  [384, 384, 3],
  [256, 384, 3],
];

/** Inputs and outputs of each dense layer. */
const DENSE = [[6400, 4096], [4096, 4096], [4096, CLASSES]];

// Also makes Deno choose the driver that the other contenders get; jax-js then asks for the fastest adapter itself.
const adapter = await findAdapter();
const devices = await init("webgpu");
if (adapter === null || !devices.includes("webgpu")) {
  console.error(`error: no WebGPU adapter: ${NO_ADAPTER_REMEDY}`);
  Deno.exit(1);
}
defaultDevice("webgpu");

let numKeys = 0;
let weights = makeWeights();
const images = uniform([batchSize, 1, IMAGE_SIZE, IMAGE_SIZE], 0, 1);
const targets = nn.oneHot(
  np.array(Int32Array.from({ length: batchSize }, (_, i) => i % CLASSES)),
  CLASSES,
);
await blockUntilReady([weights, images, targets]);

const step = jit((weights: Weights, images: np.Array, targets: np.Array) => {
  const [loss, gradients] = valueAndGrad(_loss)(
    tree.ref(weights),
    images,
    targets,
  );
  const descend = (weight: np.Array, gradient: np.Array) =>
    weight.sub(gradient.mul(LEARNING_RATE));
  return { loss, next: tree.map(descend, weights, gradients) as Weights };
});

const losses: number[] = [];
await _run(); // Compiles the step, for this batch size alone.
const stepMs: number[] = [];
for (let i = 0; i < steps; i++) stepMs.push(await _run());
console.log(JSON.stringify({ stepMs, losses }));
Deno.exit(0);

async function _run(): Promise<number> {
  const start = performance.now();
  const { loss, next } = step(weights, images.ref, targets.ref);
  weights = next;
  losses.push(await loss.jsAsync());
  await blockUntilReady(weights);
  return performance.now() - start;
}

function _loss(weights: Weights, images: np.Array, targets: np.Array) {
  const logProbabilities = nn.logSoftmax(forward(weights, images));
  return logProbabilities.mul(targets).sum().mul(-1 / batchSize);
}

function forward(weights: Weights, images: np.Array): np.Array {
  const [conv1, conv2, conv3, conv4, conv5, dense1, dense2, dense3] = weights;
  let x = pool(convRelu(images, conv1, { stride: 4, padding: "VALID" }));
  x = pool(convRelu(x, conv2));
  x = convRelu(x, conv3);
  x = convRelu(x, conv4);
  x = pool(convRelu(x, conv5)).reshape([batchSize, -1]);
  x = nn.relu(_dense(x, dense1));
  x = nn.relu(_dense(x, dense2));
  return _dense(x, dense3);
}

function convRelu(
  x: np.Array,
  { kernel, bias }: Weights[number],
  { stride = 1, padding = "SAME" }: {
    stride?: number;
    padding?: lax.PaddingType;
  } = {},
): np.Array {
  return nn.relu(lax.conv(x, kernel, [stride, stride], padding).add(bias));
}

function pool(x: np.Array): np.Array {
  return lax.reduceWindow(x, np.max, [3, 3], [2, 2]);
}

function _dense(x: np.Array, { kernel, bias }: Weights[number]): np.Array {
  return np.matmul(x, kernel).add(bias);
}

/** Glorot and Bengio's uniform initializer, and no bias. */
function makeWeights(): Weights {
  const limit = (fans: number) => Math.sqrt(6 / fans);
  const convolutions = CONVOLUTIONS.map(([filters, channels, size]) => ({
    kernel: symmetric(
      [filters, channels, size, size],
      limit((filters + channels) * size * size),
    ),
    bias: np.zeros([1, filters, 1, 1]),
  }));
  const dense = DENSE.map(([inputs, outputs]) => ({
    kernel: symmetric([inputs, outputs], limit(inputs + outputs)),
    bias: np.zeros([outputs]),
  }));
  return [...convolutions, ...dense];
}

function symmetric(shape: number[], limit: number): np.Array {
  return uniform(shape, -limit, limit);
}

function uniform(shape: number[], minval: number, maxval: number): np.Array {
  return random.uniform(random.key(numKeys++), shape, { minval, maxval });
}
