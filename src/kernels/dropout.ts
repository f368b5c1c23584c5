/**
 * Dropout as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf } from "../backend/tf.ts";
import { asTensor, differentiable } from "./differentiable.ts";
import { dispatch, makeOutput } from "./dispatch.ts";
import { programOf } from "./program.ts";
import { gridOf, indexOf } from "./elementwise.ts";
import { dropOut } from "./epilogue.ts";
import { makeRandomKey, type RandomKey, uniformFunction } from "./threefry.ts";

/**
 * Sets elements to 0 with probability `rate` and divides the others by `1 - rate`. No mask is kept: the gradient draws the
 * same numbers again.
 *
 * @param x float32 of any shape, on the WebGPU backend.
 * @param options The rate, in [0, 1), and which random numbers to draw, one per element.
 * @returns float32 of the same shape.
 */
export function fusedDropout(
  x: Tensor,
  options: { rate: number; key: RandomKey },
): Tensor {
  const { rate, key } = options;
  const backend = tf.backend() as WebGPUBackend;
  const run = (values: TensorInfo): Tensor => {
    const random = makeRandomKey(backend, key);
    const output = makeOutput(backend, values.shape);
    const grid = gridOf(x.size);
    const program = programOf(backend, `dropout,${x.size},${rate}`, () => ({
      code: `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> random: array<u32, 4>;
${uniformFunction("random")}
${indexOf(x.size, grid)}
  var v = x[i];
  ${dropOut("v", "i", rate)}
  output[i] = v;
}
`,
      workgroups: grid,
    }));
    dispatch(backend, program, [output, values, random]);
    backend.disposeData(random.dataId);
    return asTensor(output);
  };
  return differentiable([x], () => run(x), (dy) => [run(dy)]);
}
