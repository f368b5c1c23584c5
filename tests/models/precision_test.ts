/**
 * Tests of training in float16 against float32: the first losses, and the memory.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../src/device/device.ts";
import { type Tensor1D, type Tensor4D, tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { lenet } from "../../src/models/lenet.ts";
import { PRECISIONS } from "../../src/nn/layer.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import { LossScale } from "../../src/optim/gradient_scale.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { recordStep } from "../../src/train/step.ts";
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
        const all: number[] = [];
        for await (const { images, labels } of train) {
          const { loss, correct, gradients } = recordStep(net, images, labels, {
            step: all.length,
            precision,
            lossScale,
          });
          lossScale?.update(gradients);
          optimizer.apply(net.getWeights(), gradients, lossScale);
          all.push((await loss.data())[0]);
          tf.dispose([loss, correct, ...gradients]);
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
    const peaks = [];
    // How much memory a step takes does not depend on what it computes.
    const restore = computeNothing();
    try {
      for (const precision of PRECISIONS) {
        // The second, as the first uploads the weights.
        peakOf(
          backend.bufferManager,
          () => stepOf(net, images, labels, precision),
        );
        peaks.push(
          peakOf(
            backend.bufferManager,
            () => stepOf(net, images, labels, precision),
          ),
        );
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

function stepOf(
  net: Sequential,
  images: Tensor4D,
  labels: Tensor1D,
  precision: (typeof PRECISIONS)[number],
): void {
  const lossScale = precision === "float16" ? new LossScale() : undefined;
  const options = { precision, lossScale };
  const { loss, correct, gradients } = recordStep(net, images, labels, options);
  lossScale?.update(gradients);
  const optimizer = sgd();
  optimizer.apply(net.getWeights(), gradients, lossScale);
  tf.dispose([loss, correct, ...gradients]);
  lossScale?.dispose();
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
