/**
 * Adds up sums that were computed in parts.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch } from "../run/dispatch.ts";
import { gridOf, indexOf } from "../wgsl/elementwise.ts";
import { type Epilogue, finishFunction } from "../wgsl/epilogue.ts";
import { declareResult } from "../wgsl/operand.ts";
import { programOf } from "../run/program.ts";
import type { Shader } from "../wgsl/shader.ts";

/** Sizes of sums in parts. */
export interface SplitSizes {
  readonly batch: number;
  /** Parts of each sum. */
  readonly splits: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Computes `output[b, row, column] = activation(sum over the parts of partial[b, part, row, column] + bias[column])`.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors What to write, float32 `[batch, rows, columns]`, what to add, `[batch, splits, rows, columns]`, and
 * `[columns]` where there is a bias.
 * @param sizes Their sizes.
 * @param epilogue What follows the sum.
 */
export function addSplits(
  backend: WebGPUBackend,
  tensors: { output: TensorInfo; partial: TensorInfo; bias?: TensorInfo },
  sizes: SplitSizes,
  epilogue: Epilogue = {},
): void {
  const { output, partial, bias } = tensors;
  const { batch, splits, rows, columns } = sizes;
  const program = programOf(
    backend,
    `sum of splits,${batch},${splits},${rows},${columns},${
      epilogue.hasBias === true
    },${epilogue.activation}`,
    () => _shader(sizes, epilogue),
  );
  dispatch(backend, program, [output, partial, ...bias ? [bias] : []]);
}

/** One invocation per output. */
function _shader(
  { rows, columns, batch, splits }: SplitSizes,
  epilogue: Epilogue,
): Shader {
  const size = rows * columns;
  const total = size * batch;
  const workgroups = gridOf(total);
  const code = `
${declareResult("output", { binding: 0, width: 1 })}
@group(0) @binding(1) var<storage, read> partial: array<f32>;
${finishFunction(epilogue, { binding: 2, type: "f32" })}

${indexOf(total, workgroups)}
  let first = i / ${size}u * ${size * splits}u + i % ${size}u;
  var sum = 0.0;
  for (var split = 0u; split < ${splits}u; split = split + 1u) {
    sum = sum + partial[first + split * ${size}u];
  }
  outputWrite(i, finish(sum, ${
    epilogue.hasBias ? `biases[i % ${columns}u]` : "0.0"
  }));
}
`;
  return { code, workgroups };
}
