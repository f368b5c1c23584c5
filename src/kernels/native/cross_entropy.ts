/**
 * Softmax cross entropy with its gradient, by native kernels.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { makePrimitive } from "../../backend/onednn/primitive.ts";
import type { CrossEntropy } from "../cross_entropy.ts";
import {
  cpuBackend,
  floatsOf,
  makeFloats,
  primitiveOf,
  rowMajor,
} from "./device.ts";

/**
 * Computes loss, correct count and gradient.
 *
 * @param tensors float32 logits `[batch, classes]` and int32 labels `[batch]`; a row whose label is not in [0, classes)
 * has the loss NaN.
 * @param count What to divide by: the size of the whole batch.
 * @returns The results.
 */
export function nativeCrossEntropy(
  { logits, labels }: { logits: TensorInfo; labels: TensorInfo },
  count: number,
): CrossEntropy {
  const [rows, classes] = logits.shape;
  const layout = rowMajor(logits.shape);
  const key = `${rows},${classes}`;
  const forward = primitiveOf(
    `log softmax,${key}`,
    (library) =>
      makePrimitive(library, { kind: "log softmax", x: layout }, {
        x: layout,
        y: layout,
      }),
  );
  const backward = primitiveOf(
    `log softmax gradient,${key}`,
    (library) =>
      makePrimitive(
        library,
        { kind: "log softmax", gradient: true, x: layout },
        { y: layout, dy: layout, dx: layout },
      ),
  );
  const backend = cpuBackend();
  const z = floatsOf(logits);
  const y = new Float32Array(z.length);
  forward.run({ x: z, y });
  // The gradient of the loss by the logarithms of probabilities; a row's own costs no more than calling for it.
  const dy = new Float32Array(z.length);
  let loss = 0;
  let correct = 0;
  const targets = backend.data.get(labels.dataId).values as Int32Array;
  targets.forEach((target, row) => {
    const first = row * classes;
    const isClass = target >= 0 && target < classes;
    loss -= isClass ? y[first + target] : NaN;
    if (isClass) dy[first + target] = -1 / count;
    const scores = z.subarray(first, first + classes);
    const best = scores.reduce((k, score, j) => score > scores[k] ? j : k, 0);
    if (best === target) correct++;
  });
  const gradient = makeFloats(logits.shape);
  backward.run({ y, dy, dx: gradient.values });
  return {
    loss: backend.makeTensorInfo([], "float32", Float32Array.of(loss / count)),
    correct: backend.makeTensorInfo([], "int32", Int32Array.of(correct)),
    gradient: gradient.info,
  };
}
