/**
 * Times every kernel at AlexNet's shapes, batch 16, as shares of this adapter's ceilings, which are measured and printed first.
 * Run with `deno bench -A bench/kernels_bench.ts`.
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Tensor, tf, type Variable } from "../src/device/tf.ts";
import { biasGradient } from "../src/device/webgpu/dense/fused_dense.ts";
import {
  conv2dFilterGradient,
  conv2dForward,
  conv2dInputGradient,
} from "../src/device/webgpu/conv/conv2d.ts";
import { crossEntropy } from "../src/device/webgpu/loss/cross_entropy.ts";
import { dropInPlace } from "../src/device/webgpu/dense/dropout.ts";
import { gatherImages } from "../src/device/webgpu/gather/images.ts";
import { matmul } from "../src/device/webgpu/gemm/product.ts";
import {
  maxPoolGradientAt,
  maxPoolWithPlaces,
} from "../src/device/webgpu/pool/pool.ts";
import { updateInPlace } from "../src/device/webgpu/update/update_in_place.ts";
import { convSizes, poolSizes } from "../src/device/sizes.ts";
import { makeResident } from "../src/device/webgpu/run/dispatch.ts";
import { openDevice } from "./measure.ts";
import { registerTimings, type Timing } from "./report.ts";
import { formatRoofline, measureRoofline } from "./roofline.ts";

const BATCH = 16;
const FLOAT_BYTES = 4;

const { backend, adapter } = await openDevice();
const roofline = await measureRoofline(backend);
console.error(`adapter: ${adapter}
${formatRoofline(roofline)}`);

const gigabytes = (...tensors: { size: number }[]) =>
  tensors.reduce((sum, { size }) => sum + size * FLOAT_BYTES, 0) / 1e9;
const free = (...made: TensorInfo[]) =>
  made.forEach(({ dataId }) => backend.disposeData(dataId));

await registerTimings([
  ...conv("conv1", { input: [224, 1], filter: [11, 96], strides: 4 }),
  ...conv("conv2", { input: [26, 96], filter: [5, 256] }),
  ...conv("conv3", { input: [12, 256], filter: [3, 384] }),
  ...conv("conv4", { input: [12, 384], filter: [3, 384] }),
  ...conv("conv5", { input: [12, 384], filter: [3, 256] }),
  ...dense("dense1", 6400, 4096),
  ...dense("dense2", 4096, 4096),
  ...dense("dense3", 4096, 10),
  ...pool("pool1", 54, 96),
  ...pool("pool2", 26, 256),
  ...pool("pool3", 12, 256),
  bias("conv2", BATCH * 26 * 26, 256),
  sgd("dense1", [6400, 4096]),
  dropout("dense1", [BATCH, 4096]),
  crossEntropyTiming(),
  gather(),
], roofline);

function conv(
  name: string,
  { input: [side, inChannels], filter: [window, outChannels], strides = 1 }: {
    input: [side: number, channels: number];
    filter: [side: number, channels: number];
    strides?: number;
  },
): Timing[] {
  const inShape = [BATCH, side, side, inChannels];
  const filterShape = [window, window, inChannels, outChannels];
  const pad = strides === 1 ? "same" : "valid";
  const s = convSizes({ inShape, filterShape, strides, pad });
  const x = tf.randomUniform(inShape);
  const filter = tf.randomUniform(filterShape);
  const bias = tf.zeros([outChannels]);
  const dy = tf.randomUniform([BATCH, s.outHeight, s.outWidth, outChannels]);
  const gflop = 2 * dy.size * window * window * inChannels / 1e9;
  const timing = (what: string, kernel: () => TensorInfo): Timing => ({
    name: `${name} ${what}`,
    group: name,
    gflop,
    gigabytes: gigabytes(x, filter, dy),
    run: () => free(kernel()),
  });
  const timings = [
    timing(
      "forward, bias, relu",
      () => conv2dForward(backend, { x, filter, bias, activation: "relu" }, s),
    ),
    timing(
      "filter gradient",
      () => conv2dFilterGradient(backend, { x, dy }, s),
    ),
  ];
  // The images need no gradient.
  if (inChannels > 1) {
    timings.push(
      timing(
        "input gradient",
        () => conv2dInputGradient(backend, { dy, filter }, s),
      ),
    );
  }
  return timings;
}

function dense(name: string, inputs: number, units: number): Timing[] {
  const x = tf.randomUniform([BATCH, inputs]);
  const kernel = tf.randomUniform([inputs, units]);
  const dy = tf.randomUniform([BATCH, units]);
  const product = (
    what: string,
    [a, b]: [Tensor, Tensor],
    options: { transposeA?: boolean; transposeB?: boolean },
  ): Timing => {
    const { transposeA = false, transposeB = false } = options;
    const [rows, depth] = transposeA ? a.shape.toReversed() : a.shape;
    const columns = transposeB ? b.shape[0] : b.shape[1]!;
    const outputShape = [rows, columns];
    const sizes = { rows, columns, depth, transposeA, transposeB };
    return {
      name: `${name} ${what}`,
      group: name,
      gflop: 2 * rows * columns * depth / 1e9,
      gigabytes: gigabytes(a, b, { size: rows * columns }),
      run: () =>
        free(
          matmul(backend, { a, b, outputShape }, {
            ...sizes,
            batch: 1,
            batchA: 1,
            batchB: 1,
          }),
        ),
    };
  };
  return [
    product("forward", [x, kernel], {}),
    product("kernel gradient", [x, dy], { transposeA: true }),
    product("input gradient", [dy, kernel], { transposeB: true }),
  ];
}

function pool(name: string, side: number, channels: number): Timing[] {
  const x = tf.randomUniform([BATCH, side, side, channels]);
  const sizes = poolSizes({
    inShape: x.shape,
    filterSize: 3,
    strides: 2,
    pad: "valid",
  });
  const dy = tf.randomUniform([
    BATCH,
    sizes.outHeight,
    sizes.outWidth,
    channels,
  ]);
  const { places, pooled } = maxPoolWithPlaces(backend, x, sizes);
  free(pooled);
  return [
    {
      name: `${name} forward`,
      group: name,
      gigabytes: gigabytes(x, dy, dy),
      run() {
        const made = maxPoolWithPlaces(backend, x, sizes);
        free(made.pooled, made.places);
      },
    },
    {
      name: `${name} gradient`,
      group: name,
      gigabytes: gigabytes(x, dy, dy),
      run: () => free(maxPoolGradientAt(backend, { dy, places }, sizes)),
    },
  ];
}

function bias(name: string, rows: number, columns: number): Timing {
  const [dy, y] = [0, 1].map(() => tf.randomUniform([rows, columns]));
  return {
    name: `${name} bias and relu gradient`,
    group: "other",
    gigabytes: gigabytes(dy, y, dy),
    run() {
      const after = { y, activation: "relu" } as const;
      const { bias, dz } = biasGradient(backend, { dy, after });
      free(bias, dz);
    },
  };
}

function sgd(name: string, shape: number[]): Timing {
  const weight = tf.variable(tf.zeros(shape)) as Variable;
  const gradient = tf.randomUniform(shape);
  return {
    name: `${name} SGD in place`,
    group: "other",
    gigabytes: gigabytes(weight, weight, gradient),
    run: () =>
      updateInPlace(({ weight, gradient }) => ({
        weight: weight.minus(gradient.times(0.01)),
      }), [{ gradient, variables: { weight } }]),
  };
}

function dropout(name: string, shape: number[]): Timing {
  const x = tf.zeros(shape);
  const key = { seed: 0, stream: 0 };
  return {
    name: `${name} dropout in place`,
    group: "other",
    gigabytes: gigabytes(x, x),
    run: () => dropInPlace(backend, x, { rate: 0.5, key }),
  };
}

function crossEntropyTiming(): Timing {
  const logits = tf.randomUniform([BATCH, 10]);
  const labels = tf.tensor1d(Array.from({ length: BATCH }, () => 3), "int32");
  return {
    name: "softmax cross entropy",
    group: "other",
    gigabytes: gigabytes(logits, logits),
    run() {
      const made = crossEntropy(backend, { logits, labels }, BATCH);
      free(made.loss, made.correct, made.gradient);
    },
  };
}

function gather(): Timing {
  const [stored, output] = [28, 224].map((side) => ({
    height: side,
    width: side,
  }));
  const images = makeResident(backend, new Uint8Array(60_000 * 28 * 28));
  const sizes = {
    stored,
    viewed: stored,
    resized: output,
    output,
    channels: 1,
    divisor: 255 as const,
    mean: [0],
    std: [1],
  };
  const rows = Int32Array.from({ length: BATCH }, (_, i) => 3000 * i);
  return {
    name: "gather, resize 28x28 to 224x224",
    group: "other",
    gigabytes: gigabytes({ size: BATCH * 224 * 224 }) + BATCH * 784 / 1e9,
    run: () => free(gatherImages(backend, images, { sizes, rows })),
  };
}
