/**
 * What layers of a network compute on the CPU: several native kernels as one differentiable operation.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type {
  BackendInfo,
  Device,
  Dropout,
  FusedConvOptions,
  FusedDenseOptions,
  NativeLibrary,
} from "../device.ts";
import {
  activated,
  activateInPlace,
  columnSums,
  hasNaN,
  nativeActivationGradient,
  nativeAdam,
  nativeSgd,
  nativeUnary,
  squareSum,
} from "./elementwise.ts";
import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "./conv2d.ts";
import { nativeCrossEntropy } from "./cross_entropy.ts";
import { nativeMatmul } from "./matmul.ts";
import {
  keepNaN,
  nativePool,
  nativePoolGradient,
  type PoolKind,
} from "./pool.ts";
import {
  cpuBackend,
  floatsOf,
  makeFloats,
  ownFloats,
  soleFloats,
} from "./tensors.ts";
import type { PoolSizes } from "../sizes.ts";
import { asTensor, differentiable } from "../tape.ts";
import type { Tensor, Tensor2D, Tensor4D } from "../tf.ts";
import { clipNormOnCpu, CPU_INFO, readFactor } from "../tfjs/tfjs_device.ts";
import { uniforms } from "../../random.ts";

/** Computes `pool(activation(conv2d(x, kernel) + bias))`. With max pooling, what is not pooled yet is freed at once. */
export function nativeConvLayer(
  tensors: { x: Tensor4D; kernel: Tensor4D; bias: Tensor },
  options: FusedConvOptions,
): Tensor4D {
  const { x, kernel, bias } = tensors;
  const { sizes, activation, pool, needsInputGradient } = options;
  const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
  return differentiable(inputs, (save) => {
    const y = nativeConv2d({ x, filter: kernel, bias }, sizes);
    if (pool === undefined) {
      activated(y, activation);
      const output = asTensor(y);
      save([x, kernel, output]);
      return output;
    }
    const isAstray = activateInPlace(y, activation);
    const { pooled, places } = nativePool(y, pool.kind, pool.sizes, {
      isPositive: activation !== undefined,
    });
    if (isAstray && places !== undefined) keepNaN(pooled, y, pool.sizes);
    const output = asTensor(pooled);
    if (places === undefined) save([x, kernel, asTensor(y)]);
    else {
      free(y);
      save([x, kernel, output, asTensor(places)]);
    }
    return output;
  }, (dy, [x, kernel, y, places]) => {
    // The largest values are of activations that grow, so that it does not matter which comes first.
    const steps: ((gradient: TensorInfo) => TensorInfo)[] = [];
    if (activation) {
      steps.push((dy) => nativeActivationGradient({ dy, y }, activation));
    }
    const unpool = (dy: TensorInfo) =>
      nativePoolGradient({ dy, places }, pool!.sizes);
    if (pool?.kind === "max") steps.push(unpool);
    if (pool?.kind === "average") steps.unshift(unpool);
    const dz = steps.reduce((gradient: TensorInfo, step) => {
      const next = step(gradient);
      if (gradient !== dy) free(gradient);
      return next;
    }, dy);
    const gradients = nativeConv2dFilterGradient({ x, dy: dz }, sizes);
    const dx = needsInputGradient
      ? [nativeConv2dInputGradient({ dy: dz, filter: kernel }, sizes)]
      : [];
    if (dz !== dy) free(dz);
    return [gradients.filter, gradients.bias, ...dx].map(asTensor);
  }) as Tensor4D;
}

/** Computes `dropout(activation(x * kernel + bias))`. No mask is kept: where the output is 0, so is the gradient. */
export function nativeDenseLayer(
  tensors: { x: Tensor2D; kernel: Tensor2D; bias: Tensor },
  { activation, dropout }: FusedDenseOptions,
): Tensor2D {
  const { x, kernel, bias } = tensors;
  const [rows, inputs] = x.shape;
  const [, columns] = kernel.shape;
  return differentiable([x, kernel, bias], (save) => {
    const output = nativeMatmul(
      { a: x, b: kernel, bias, outputShape: [rows, columns] },
      { rows, columns, depth: inputs },
    );
    activated(output, activation);
    if (dropout) drop(floatsOf(output), dropout);
    const tensor = asTensor(output);
    save([x, kernel, tensor]);
    return tensor;
  }, (dy, [x, kernel, y]) => {
    let dz: TensorInfo = dy;
    if (activation) dz = nativeActivationGradient({ dy, y }, activation);
    if (dropout) {
      const masked = dz;
      dz = nativeUnary(masked, "linear", { alpha: 1 / (1 - dropout.rate) });
      if (masked !== dy) free(masked);
    }
    const dx = nativeMatmul(
      { a: dz, b: kernel, outputShape: [rows, inputs] },
      { rows, columns: inputs, depth: columns, transposeB: true },
    );
    const dKernel = nativeMatmul(
      { a: x, b: dz, outputShape: [inputs, columns] },
      { rows: inputs, columns, depth: rows, transposeA: true },
    );
    const dBias = columnSums(dz, { rows, columns });
    if (dz !== dy) free(dz);
    return [dx, dKernel, dBias].map(asTensor);
  }) as Tensor2D;
}

/** Largest value, or mean, of each window, differentiable. */
export function nativePoolLayer(
  x: Tensor4D,
  kind: PoolKind,
  sizes: PoolSizes,
): Tensor4D {
  return differentiable([x], (save) => {
    const { pooled, places } = nativePool(x, kind, sizes);
    if (places !== undefined) {
      if (hasNaN(x)) keepNaN(pooled, x, sizes);
      save([asTensor(places)]);
    }
    return asTensor(pooled);
  }, (dy, [places]) => [
    asTensor(nativePoolGradient({ dy, places }, sizes)),
  ]) as Tensor4D;
}

/** Drops elements of a new tensor, differentiable. No mask is kept: the gradient draws the same numbers again. */
export function nativeDropoutLayer(x: Tensor, options: Dropout): Tensor {
  const run = (values: TensorInfo): Tensor => {
    const output = makeFloats(values.shape);
    output.values.set(floatsOf(values));
    drop(output.values, options);
    return asTensor(output.info);
  };
  return differentiable([x], () => run(x), (dy) => [run(dy)]);
}

/** The random numbers are drawn one by one, which no function of the library does. */
function drop(
  values: Float32Array<ArrayBuffer>,
  { rate, key }: Dropout,
): void {
  // As a float32, like on WebGPU.
  const scale = Math.fround(1 / (1 - rate));
  const numbers = uniforms(values.length, key);
  for (let i = 0; i < values.length; i++) {
    values[i] = numbers[i] < rate ? 0 : values[i] * scale;
  }
}

function free({ dataId }: TensorInfo): void {
  cpuBackend().disposeData(dataId);
}

let made: Device | undefined;

/** Makes the device, once. */
export function oneDnnDevice(library: NativeLibrary): Device {
  const info: BackendInfo = { ...CPU_INFO, library };
  return made ??= {
    name: "onednn",
    info,
    conv: nativeConvLayer,
    dense: nativeDenseLayer,
    pool: (x, { kind, sizes }) => nativePoolLayer(x, kind, sizes),
    dropout: nativeDropoutLayer,
    crossEntropy: nativeCrossEntropy,
    isOne: (scalar) => floatsOf(scalar)[0] === 1,
    sgd(parameters, rates, scale) {
      const factor = readFactor(scale);
      if (factor !== 0) nativeSgd(parameters, rates, factor);
    },
    adam(parameters, rates, { step, scale }) {
      const factor = readFactor(scale);
      if (factor === 0) return;
      const steps = soleFloats(step);
      steps[0]++;
      nativeAdam(parameters, rates, { factor, count: steps[0] });
    },
    clipNorm: clipNormOnCpu((gradients) =>
      gradients.reduce((sum, gradient) => sum + squareSum(gradient), 0)
    ),
    asNumbers: (x) => x,
    asFloats: (x) => x,
    takeValues: (tensor) =>
      ownFloats(tensor) ?? Float32Array.from(tensor.dataSync()),
  };
}
