/** TensorFlow.js's own operations as a device: nothing of ours computes. The others are compared with it. */

import { uniforms } from "../../random.ts";
import { clipNormOnCpu, CPU_INFO, updateOnCpu } from "../cpu.ts";
import type { Device, Dropout, FusedActivation } from "../device.ts";
import type { Expression } from "../formula.ts";
import type { PoolSizes, WindowSizes } from "../sizes.ts";
import { opaque, takeInfo } from "../tape.ts";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../tf.ts";

/** The device. */
export const TFJS_DEVICE: Device = {
  name: "tfjs",
  info: CPU_INFO,
  conv({ x, kernel, bias }, options) {
    const { sizes: s, activation, pool, needsInputGradient } = options;
    const pads = padsOf(s, [s.filterHeight, s.filterWidth]);
    const strides: [number, number] = [s.strideHeight, s.strideWidth];
    const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
    return opaque(inputs, (kernel, bias, images = x) => {
      const [input, filter] = [images, kernel] as Tensor4D[];
      const sums = tf.conv2d(input, filter, strides, pads);
      const y = activate(tf.add(sums, bias), activation);
      return pool ? poolOf(y as Tensor4D, pool.kind, pool.sizes) : y;
    }) as Tensor4D;
  },
  dense({ x, kernel, bias }, { activation, dropout }) {
    return opaque([x, kernel, bias], (x, kernel, bias) => {
      const sums = tf.add(tf.matMul(x as Tensor2D, kernel as Tensor2D), bias);
      const y = activate(sums, activation);
      return dropout ? tf.mul(y, maskOf(y, dropout)) : y;
    }) as Tensor2D;
  },
  pool: (x, { kind, sizes }) =>
    opaque([x], (x) => poolOf(x as Tensor4D, kind, sizes)) as Tensor4D,
  dropout: (x, options) => opaque([x], (x) => tf.mul(x, maskOf(x, options))),
  crossEntropy({ logits, labels }, count) {
    const [z, target] = [logits, labels].map((info) => info as Tensor);
    const [loss, correct, gradient] = tf.tidy(() => {
      const hot = tf.oneHot(target as Tensor1D, z.shape[1]!);
      const logProbabilities = tf.logSoftmax(z as Tensor2D);
      const losses = tf.neg(tf.sum(tf.mul(logProbabilities, hot), 1));
      // Labels that are out of range are not hot anywhere.
      const isLabel = tf.greater(tf.sum(hot, 1), 0);
      const known = tf.where(isLabel, losses, tf.fill(losses.shape, NaN));
      return [
        tf.div(tf.sum(known), count),
        tf.sum(tf.cast(tf.equal(tf.argMax(z, 1), target), "int32")),
        tf.div(tf.sub(tf.exp(logProbabilities), hot), count),
      ];
    }).map(takeInfo);
    return { loss, correct, gradient };
  },
  isOne: ({ dataId }) =>
    (tf.backend().readSync(dataId) as Float32Array)[0] === 1,
  update: updateOnCpu((results, { gradient, variables }, t) => {
    const old: Readonly<Record<string, Tensor>> = { ...variables, gradient };
    const known = new Map<Expression, Tensor | number>();
    const compute = (x: Expression, [a, b]: (Tensor | number)[]) => {
      if (x.isScalar) return x.at(t);
      // A clone keeps the old numbers until all new ones are there.
      return x.kind === "element"
        ? tf.clone(old[x.name])
        : OPERATIONS[x.kind](a, b);
    };
    tf.tidy(() => {
      const changed = results.map(([, x]) => x.fold(known, compute) as Tensor);
      results.forEach(([name], i) => variables[name].assign(changed[i]));
    });
  }),
  clipNorm: clipNormOnCpu((gradients) => {
    const squares = gradients.map((g) => tf.sum(tf.square(g)));
    return tf.addN(squares).dataSync()[0];
  }),
  asNumbers: (x) => x,
  asFloats: (x) => x,
  takeValues: (tensor) => Float32Array.from(tensor.dataSync()),
};

/** By their kinds in a formula. */
const OPERATIONS: Readonly<
  Record<string, (a: Tensor | number, b: Tensor | number) => Tensor>
> = {
  plus: (a, b) => tf.add(a, b),
  minus: (a, b) => tf.sub(a, b),
  times: (a, b) => tf.mul(a, b),
  over: (a, b) => tf.div(a, b),
  sqrt: (a) => tf.sqrt(a),
};

function activate(x: Tensor, activation: FusedActivation | undefined): Tensor {
  if (activation === undefined) return x;
  return activation === "relu" ? tf.relu(x) : tf.sigmoid(x);
}

/** Zeros, and what the elements that are kept are multiplied by. */
function maskOf({ size, shape }: Tensor, { rate, key }: Dropout): Tensor {
  const keep = uniforms(size, key).map((u) => u < rate ? 0 : 1 / (1 - rate));
  return tf.tensor(keep, shape);
}

/** What lies before and after the images, in both directions. */
function padsOf(
  s: WindowSizes,
  [height, width]: readonly [number, number],
): [[0, 0], [number, number], [number, number], [0, 0]] {
  const after = (before: number, length: number, reach: number) =>
    Math.max(reach - before - length, 0);
  const rows = (s.outHeight - 1) * s.strideHeight + height;
  const columns = (s.outWidth - 1) * s.strideWidth + width;
  return [
    [0, 0],
    [s.padTop, after(s.padTop, s.inHeight, rows)],
    [s.padLeft, after(s.padLeft, s.inWidth, columns)],
    [0, 0],
  ];
}

/**
 * TensorFlow.js divides gradients of means by the size of the whole window, also where part of it is padding. So the padding is
 * done here, and the means over whole windows are scaled up to means over the real values.
 */
function poolOf(x: Tensor4D, kind: "max" | "average", s: PoolSizes): Tensor {
  const window: [number, number] = [s.windowHeight, s.windowWidth];
  const strides: [number, number] = [s.strideHeight, s.strideWidth];
  const pads = padsOf(s, window);
  if (kind === "max") return tf.maxPool(x, window, strides, pads);
  const mean = (images: Tensor4D) =>
    tf.avgPool(images, window, strides, "valid");
  if (pads.flat().every((n) => n === 0)) return mean(x);
  const padded = (images: Tensor4D) => tf.pad(images, pads) as Tensor4D;
  const share = mean(padded(tf.ones([1, s.inHeight, s.inWidth, 1])));
  return tf.div(mean(padded(x)), share);
}
