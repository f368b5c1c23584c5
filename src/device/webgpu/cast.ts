/** What a tensor stores, and how that is changed: float32 or float16. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { asTensor } from "../tape.ts";
import type { Tensor } from "../tf.ts";
import { dispatch, makeOutput, programOf } from "./run/dispatch.ts";
import { gridOf, indexOf } from "./wgsl/wgsl.ts";
import { declareOperand, declareResult } from "./wgsl/operand.ts";
import { storedType } from "./run/recorder.ts";
import { sourceOfPass, traitsOf } from "./run/ways.ts";

/** Copies a tensor to one that stores another type. What float16 cannot hold (65,520 and more) becomes infinity. */
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

/** A tensor that stores a type: the same, or a copy that the current scope owns. */
export function readAs(
  backend: WebGPUBackend,
  x: Tensor,
  type: "float32" | "float16",
): Tensor {
  return storedType(backend, x) === type
    ? x
    : asTensor(castTo(backend, x, type));
}
