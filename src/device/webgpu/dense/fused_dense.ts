/**
 * Matrix product, bias, activation and dropout as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { Dropout, FusedActivation } from "../../device.ts";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, type Tensor2D, tf } from "../../tf.ts";
import type { FusedDenseOptions } from "../../device.ts";
import { biasGradient } from "./column_sums.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { readAs } from "../cast.ts";
import { dropInPlace } from "./dropout.ts";
import { matmul } from "../gemm/matmul.ts";
import { storedType } from "../run/recorder.ts";

/**
 * Computes `dropout(activation(x * kernel + bias))`. No mask is kept: where the output is 0, so is the gradient.
 *
 * @param tensors `x`, `[batch, in]`, float32 or float16, and float32 `kernel`, `[in, out]`, and `bias`, `[out]`, on the
 * WebGPU backend.
 * @param options What follows the bias.
 * @returns `[batch, out]`.
 */
export function fusedDense(
  tensors: { x: Tensor2D; kernel: Tensor2D; bias: Tensor },
  options: FusedDenseOptions,
): Tensor2D {
  const { activation, dropout, stored = "float32" } = options;
  const [x, kernel, bias] = [tensors.x, tensors.kernel, tensors.bias].map(
    asNumbers<Tensor>,
  );
  const backend = tf.backend() as WebGPUBackend;
  const [rows, inputs] = x.shape;
  const columns = kernel.shape[1]!;
  const single = { batch: 1, batchA: 1, batchB: 1 };
  return differentiable([x, kernel, bias], (save) => {
    const read = readAs(backend, kernel, stored);
    const output = asTensor(matmul(backend, {
      a: x,
      b: read,
      bias,
      activation,
      stored,
      outputShape: [rows, columns],
    }, {
      ...single,
      rows,
      columns,
      depth: inputs,
      transposeA: false,
      transposeB: false,
    }));
    if (dropout) dropInPlace(backend, output, dropout);
    save([x, read, output]);
    return output;
  }, (dy, [x, kernel, output]) => {
    const masked = biasGradient(
      backend,
      {
        dy,
        after: activation &&
          { y: output, activation, dropoutRate: dropout?.rate },
      },
      { rows, columns },
    );
    const dx = matmul(backend, {
      a: masked.dz,
      b: kernel,
      stored: storedType(backend, x),
      outputShape: [rows, inputs],
    }, {
      ...single,
      rows,
      columns: inputs,
      depth: columns,
      transposeA: false,
      transposeB: true,
    });
    const dKernel = matmul(backend, {
      a: x,
      b: masked.dz,
      // Of the kernel as it was read: gradients of dense layers are most of a network's.
      stored: storedType(backend, kernel),
      outputShape: [inputs, columns],
    }, {
      ...single,
      rows: inputs,
      columns,
      depth: rows,
      transposeA: true,
      transposeB: false,
    });
    if (masked.dz !== dy) backend.disposeData(masked.dz.dataId);
    return [asTensor(dx), asTensor(dKernel), asTensor(masked.bias)];
  }) as Tensor2D;
}
