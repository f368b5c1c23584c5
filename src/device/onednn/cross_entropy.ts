/**
 * Softmax cross entropy with its gradient on the CPU. In JavaScript, as oneDNN's logarithm of softmax is off by up to 4e-6
 * and takes a logit of Infinity for a number; a batch of 128 rows takes far less than a millisecond.
 *
 * @module
 */

import type { CrossEntropy } from "../device.ts";
import { cpuBackend, floatsOf, makeFloats } from "./tensors.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** Computes loss, correct count and gradient. */
export function nativeCrossEntropy(
  { logits, labels }: { logits: TensorInfo; labels: TensorInfo },
  count: number,
): CrossEntropy {
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
    let place = 0;
    // NaN is the largest of all.
    let largest = z[first];
    for (let j = 1; j < classes; j++) {
      if (z[first + j] > z[first + place]) place = j;
      largest = Math.max(largest, z[first + j]);
    }
    let sum = 0;
    for (let j = 0; j < classes; j++) {
      sum += powers[j] = Math.exp(z[first + j] - largest);
    }
    const isClass = target >= 0 && target < classes;
    loss += isClass ? Math.log(sum) - (z[first + target] - largest) : NaN;
    if (place === target) correct++;
    for (let j = 0; j < classes; j++) {
      const share = powers[j] / sum - (j === target ? 1 : 0);
      gradient.values[first + j] = share / count;
    }
  }
  return {
    loss: backend.makeTensorInfo([], "float32", Float32Array.of(loss / count)),
    correct: backend.makeTensorInfo([], "int32", Int32Array.of(correct)),
    gradient: gradient.info,
  };
}
