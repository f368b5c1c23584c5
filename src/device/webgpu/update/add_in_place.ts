/**
 * Adds to a tensor where it is.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatchInPlace } from "../run/dispatch.ts";
import { gridOf, indexOf } from "../wgsl/elementwise.ts";
import { programOf } from "../run/program.ts";

/**
 * Computes `sum += term`.
 *
 * @param backend The backend that holds the tensors.
 * @param sum float32, alone on its memory.
 * @param term float32 of the same shape.
 */
export function addInPlace(
  backend: WebGPUBackend,
  sum: TensorInfo,
  term: TensorInfo,
): void {
  const size = sum.shape.reduce((product, n) => product * n, 1);
  const program = programOf(backend, `add in place,${size}`, () => {
    const workgroups = gridOf(size);
    return {
      code: `
@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read> term: array<f32>;

${indexOf(size, workgroups)}
  sum[i] = sum[i] + term[i];
}
`,
      workgroups,
    };
  });
  dispatchInPlace(backend, program, { written: [sum], read: [term] });
}
