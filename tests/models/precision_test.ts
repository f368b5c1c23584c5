/** Tests of training in float16 against float32: the first losses, and the memory. */

import { assert, assertEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../src/device/device.ts";
import { type Tensor1D, type Tensor4D, tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { lenet } from "../../src/models/lenet.ts";
import { PRECISIONS } from "../../src/nn/layer.ts";
import { LossScale } from "../../src/optim/gradient_scale.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { updateWeights } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { firstLayers } from "./first_layers.ts";

// The lecture's optimizers: with momentum, rounding alone moves later losses of so small batches by more than a percent.
const RUNS = [
  {
    name: "lenet() at batch 32",
    steps: 20,
    makeNet: () => lenet({ seed: 3 }),
    batchSize: 32,
    resize: undefined,
    options: { learningRate: 0.9 },
  },
  {
    name: "AlexNet's first layers at batch 4",
    steps: 5,
    makeNet: () => firstLayers({ seed: 3, dropout: 0.5 }),
    batchSize: 4,
    resize: 224,
    options: { learningRate: 0.01 },
  },
];

for (const { name, steps, makeNet, batchSize, resize, options } of RUNS) {
  webgpuTest(
    `the first ${steps} losses of ${name} are the same in float16 to 2%`,
    async () => {
      await use("webgpu");
      const losses: number[][] = [];
      for (const precision of PRECISIONS) {
        const { train } = await loadFashionMnist({
          source: "sample",
          batchSize,
          resize,
          trainSamples: steps * batchSize,
        });
        const net = makeNet();
        const optimizer = sgd(options);
        const isHalf = precision === "float16";
        const lossScale = isHalf ? new LossScale() : undefined;
        const parts = { net, optimizer, precision, lossScale };
        const all: number[] = [];
        for await (const batch of train) {
          const { loss, correct } = updateWeights(parts, batch, all.length);
          all.push((await loss.data())[0]);
          tf.dispose([loss, correct]);
        }
        throwIfDeviceFailed();
        assertEquals(all.length, steps);
        losses.push(all);
        optimizer.dispose();
        net.dispose();
        lossScale?.dispose();
      }
      const [floats, halves] = losses;
      const errors = floats.map((loss, i) => Math.abs(halves[i] - loss) / loss);
      assert(Math.max(...errors) <= 0.02, `${errors}`);
      // They are computed in another way.
      assert(errors.some((error) => error > 0), "float16 rounds");
    },
  );
}

webgpuTest(
  "AlexNet's first layers at batch 128 take at most 0.75 of the memory in float16",
  async () => {
    const backend = await use("webgpu").then(() =>
      tf.backend() as unknown as { bufferManager: BufferManager }
    );
    const net = firstLayers({ seed: 3 });
    const images: Tensor4D = tf.zeros([128, 224, 224, 1]);
    const labels = tf.zeros([128], "int32") as Tensor1D;
    const optimizer = sgd();
    const peaks = [];
    // How much memory a step takes does not depend on what it computes.
    const restore = computeNothing();
    try {
      for (const precision of PRECISIONS) {
        const isHalf = precision === "float16";
        const lossScale = isHalf ? new LossScale() : undefined;
        const parts = { net, optimizer, precision, lossScale };
        const step = () =>
          tf.dispose({ ...updateWeights(parts, { images, labels }, 0) });
        // The second, as the first uploads the weights.
        step();
        peaks.push(peakOf(backend.bufferManager, step));
        lossScale?.dispose();
      }
    } finally {
      restore();
    }
    net.dispose();
    tf.dispose([images, labels]);
    const [floats, halves] = peaks;
    assert(halves <= 0.75 * floats, `${halves} of ${floats} bytes`);
    throwIfDeviceFailed();
  },
);

/** The part of the backend that counts memory. */
interface BufferManager {
  readonly numBytesUsed: number;
  acquireBuffer(...args: unknown[]): GPUBuffer;
}

/** The most bytes of buffers in use while something runs. */
function peakOf(manager: BufferManager, run: () => void): number {
  const { acquireBuffer } = manager;
  let peak = 0;
  manager.acquireBuffer = function (...args) {
    const buffer = acquireBuffer.apply(manager, args);
    peak = Math.max(peak, manager.numBytesUsed);
    return buffer;
  };
  try {
    run();
  } finally {
    manager.acquireBuffer = acquireBuffer;
  }
  return peak;
}

/** Has dispatches run no workgroups and copies to textures be empty. */
function computeNothing(): () => void {
  const pass = GPUComputePassEncoder.prototype;
  const encoder = GPUCommandEncoder.prototype;
  const { dispatchWorkgroups } = pass;
  const { copyBufferToTexture } = encoder;
  pass.dispatchWorkgroups = function () {
    dispatchWorkgroups.call(this, 0, 1, 1);
  };
  encoder.copyBufferToTexture = function (from, to) {
    copyBufferToTexture.call(this, from, to, [0, 0]);
  };
  return () => {
    pass.dispatchWorkgroups = dispatchWorkgroups;
    encoder.copyBufferToTexture = copyBufferToTexture;
  };
}
