/** The CPU as a device: what layers compute is several native kernels as one differentiable operation. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { uniforms } from "../../random.ts";
import type { Device, Dropout, NativeLibrary } from "../device.ts";
import { asTensor, differentiable } from "../tape.ts";
import type { Tensor, Tensor2D, Tensor4D } from "../tf.ts";
import { clipNormOnCpu, CPU_INFO } from "../cpu.ts";
import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "./conv2d.ts";
import {
  activated,
  activateInPlace,
  hasNaN,
  nativeActivationGradient,
  nativeUnary,
  squareSum,
  sumOfRows,
} from "./elementwise.ts";
import { nativeMatmul } from "./matmul.ts";
import { keepNaN, nativePool, nativePoolGradient } from "./pool.ts";
import {
  cpuBackend,
  type Floats,
  floatsOf,
  free,
  makeFloats,
  ownFloats,
} from "./tensors.ts";
import { nativeUpdate } from "./update.ts";

/** Makes the device. */
export function oneDnnDevice(library: NativeLibrary): Device {
  return { ...OPERATIONS, info: { ...CPU_INFO, library } };
}

const OPERATIONS: Omit<Device, "info"> = {
  name: "onednn",
  // With max pooling, what is not pooled yet is freed at once.
  conv({ x, kernel, bias }, options) {
    const { sizes, activation, pool, needsInputGradient } = options;
    const inputs = needsInputGradient ? [kernel, bias, x] : [kernel, bias];
    return differentiable(inputs, (save) => {
      const y = nativeConv2d({ x, filter: kernel, bias }, sizes);
      if (pool === undefined) {
        const output = asTensor(activated(y, activation));
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
      let dz: TensorInfo = dy;
      const goBack = (gradient: TensorInfo) => {
        if (dz !== dy) free(dz);
        dz = gradient;
      };
      if (pool?.kind === "average") {
        goBack(nativePoolGradient({ dy }, pool.sizes));
      }
      // Activations grow with what they are of: the largest of a window is the same before and after, so max pooling may come last.
      if (activation) {
        goBack(nativeActivationGradient({ dy: dz, y }, activation));
      }
      if (pool?.kind === "max") {
        goBack(nativePoolGradient({ dy: dz, places }, pool.sizes));
      }
      const { filter, bias } = nativeConv2dFilterGradient({ x, dy: dz }, sizes);
      const dx = needsInputGradient
        ? [nativeConv2dInputGradient({ dy: dz, filter: kernel }, sizes)]
        : [];
      goBack(dy);
      return [filter, bias, ...dx].map(asTensor);
    }) as Tensor4D;
  },
  // No mask of dropout is kept: where the output is 0, so is the gradient.
  dense({ x, kernel, bias }, { activation, dropout }) {
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
        dz = nativeUnary(masked, "linear", 1 / (1 - dropout.rate));
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
      const dBias = sumOfRows(dz, { rows, columns });
      if (dz !== dy) free(dz);
      return [dx, dKernel, dBias].map(asTensor);
    }) as Tensor2D;
  },
  pool(x, { kind, sizes }) {
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
  },
  // No mask is kept: the gradient draws the same numbers again.
  dropout(x, options) {
    const run = (values: TensorInfo): Tensor => {
      const output = makeFloats(values.shape);
      output.values.set(floatsOf(values));
      drop(output.values, options);
      return asTensor(output.info);
    };
    return differentiable([x], () => run(x), (dy) => [run(dy)]);
  },
  // In JavaScript, as oneDNN's logarithm of softmax is off by up to 4e-6 and takes a logit of Infinity for a number; a batch of
  // 128 rows takes far less than a millisecond.
  crossEntropy({ logits, labels }, count) {
    const [rows, classes] = logits.shape;
    const backend = cpuBackend();
    const z = floatsOf(logits);
    const targets = backend.data.get(labels.dataId).values as Int32Array;
    const gradient = makeFloats(logits.shape);
    const powers = new Float64Array(classes);
    let loss = 0;
    let correct = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const target = targets[row];
      let predicted = 0;
      // NaN is the largest of all.
      let largest = z[first];
      for (let j = 1; j < classes; j++) {
        if (z[first + j] > z[first + predicted]) predicted = j;
        largest = Math.max(largest, z[first + j]);
      }
      let sum = 0;
      for (let j = 0; j < classes; j++) {
        sum += powers[j] = Math.exp(z[first + j] - largest);
      }
      const isClass = target >= 0 && target < classes;
      loss += isClass ? Math.log(sum) - (z[first + target] - largest) : NaN;
      if (predicted === target) correct++;
      for (let j = 0; j < classes; j++) {
        const share = powers[j] / sum - (j === target ? 1 : 0);
        gradient.values[first + j] = share / count;
      }
    }
    return {
      loss: backend.makeTensorInfo(
        [],
        "float32",
        Float32Array.of(loss / count),
      ),
      correct: backend.makeTensorInfo([], "int32", Int32Array.of(correct)),
      gradient: gradient.info,
    };
  },
  isOne: (scalar) => floatsOf(scalar)[0] === 1,
  update: nativeUpdate,
  clipNorm: clipNormOnCpu((gradients) =>
    gradients.reduce((sum, gradient) => sum + squareSum(gradient), 0)
  ),
  asNumbers: (x) => x,
  asFloats: (x) => x,
  takeValues: (tensor) =>
    ownFloats(tensor) ?? Float32Array.from(tensor.dataSync()),
};

/** The random numbers are drawn one by one, which no function of the library does. */
function drop(values: Floats, { rate, key }: Dropout): void {
  // As a float32, like on WebGPU.
  const scale = Math.fround(1 / (1 - rate));
  const numbers = uniforms(values.length, key);
  for (let i = 0; i < values.length; i++) {
    values[i] = numbers[i] < rate ? 0 : values[i] * scale;
  }
}
