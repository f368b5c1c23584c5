/**
 * Changes what a tensor stores: float32 or float16.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch, makeOutput } from "./run/dispatch.ts";
import { gridOf, indexOf } from "./wgsl/elementwise.ts";
import { declareOperand, declareResult } from "./wgsl/operand.ts";
import { programOf } from "./run/program.ts";
import { sourceOfPass, traitsOf } from "./run/traits.ts";

/**
 * Copies a tensor to one that stores another type. Of what float16 cannot hold (65,520 and more), it becomes infinity.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 or float16, of any shape.
 * @param type What the copy stores.
 * @returns The copy, of the same shape.
 */
export function castTo(
  backend: WebGPUBackend,
  x: TensorInfo,
  type: "float32" | "float16",
): TensorInfo {
  const size = x.shape.reduce((product, n) => product * n, 1);
  const source = sourceOfPass(traitsOf(backend), size);
  const program = programOf(backend, `cast,${size},${source}`, () => {
    const width = size % 4 === 0 ? 4 : 1;
    const count = size / width;
    const workgroups = gridOf(count);
    return {
      code: `
${declareResult("output", { binding: 0, width })}
${declareOperand("x", { binding: 1, width, source })}

${indexOf(count, workgroups)}
  outputWrite(i, xRead(i));
}
`,
      workgroups,
    };
  });
  const output = makeOutput(backend, x.shape, type);
  dispatch(backend, program, [output, x]);
  return output;
}
