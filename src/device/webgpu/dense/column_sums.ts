/**
 * The gradient of a bias and of an activation in one pass over the gradient of what they gave.
 *
 * @module
 */

import type { FusedActivation } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { activationGradientOf } from "../wgsl/activation.ts";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import { declareOperand, declareResult, type Source } from "../wgsl/operand.ts";
import { programOf } from "../run/program.ts";
import { gridOf, indexOf } from "../wgsl/elementwise.ts";
import { dropoutScale } from "./dropout_shader.ts";
import type { Shader } from "../wgsl/shader.ts";
import { storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/traits.ts";
import { MAX_GROUPS } from "../wgsl/wgsl.ts";

/** Rows that one invocation adds up. */
const ROWS_PER_PART = 64;

/** Sizes of a matrix. */
interface MatrixSize {
  readonly rows: number;
  readonly columns: number;
}

/** What {@linkcode biasGradient} computes. */
export interface BiasGradient {
  /** float32 `[columns]`: the sums of the columns of `dz`. */
  readonly bias: TensorInfo;
  /** `[rows, columns]`: the gradient of the biased sums, which stores what `dy` does; `dy` itself without an activation. */
  readonly dz: TensorInfo;
}

/** What followed the bias. */
export interface Activated {
  /** What the activation (and the dropout) gave: float32 or float16 `[rows, columns]`. */
  readonly y: TensorInfo;
  readonly activation: FusedActivation;
  /** Rate of a dropout after a relu; where it dropped, `y` is 0, just as where the relu did. */
  readonly dropoutRate?: number;
}

/**
 * Gradients of `y = dropout(activation(z + bias))`, or of `y = z + bias`.
 *
 * @param backend The backend that holds the tensors.
 * @param gradient `dy`, float32 or float16, of `rows * columns` elements, and what followed the bias.
 * @param size Rows (images, pixels) and columns (channels, units).
 * @returns The gradients. The caller owns `bias`, and `dz` where it is not `dy`.
 */
export function biasGradient(
  backend: WebGPUBackend,
  gradient: { dy: TensorInfo; after?: Activated },
  { rows, columns }: MatrixSize,
): BiasGradient {
  const { dy, after } = gradient;
  // Rows side by side are one row of vectors where their columns do not come in fours.
  const side = [1, 2, 4].find((n) => n * columns % 4 === 0 && rows % n === 0) ??
    1;
  const wide = { rows: rows / side, columns: columns * side };
  const parts = Math.ceil(wide.rows / ROWS_PER_PART);
  const source = sourceOfPass(traitsOf(backend), rows * columns);
  const isWhole = parts * side === 1;
  const partial = makeOutput(
    backend,
    isWhole ? [columns] : [parts * side, columns],
  );
  const program = programOf(
    backend,
    `bias gradient,${rows},${columns},${after?.activation},${after?.dropoutRate},${source}`,
    () => _partShader(wide, after, source),
  );
  let dz = dy;
  if (after === undefined) {
    dispatch(backend, program, [partial, dy]);
  } else {
    dz = makeOutput(backend, dy.shape, storedType(backend, dy));
    dispatch(backend, program, [partial, dy, after.y, dz]);
  }
  if (isWhole) return { bias: partial, dz };
  const bias = columnSums(backend, partial, { rows: parts * side, columns });
  backend.disposeData(partial.dataId);
  return { bias, dz };
}

/**
 * Adds up the columns of a matrix that has few rows.
 *
 * @param backend The backend that holds the tensor.
 * @param matrix float32 `[rows, columns]`.
 * @param size Its size.
 * @returns float32 `[columns]`.
 */
export function columnSums(
  backend: WebGPUBackend,
  matrix: TensorInfo,
  { rows, columns }: MatrixSize,
): TensorInfo {
  const output = makeOutput(backend, [columns]);
  // A workgroup per column, over two directions as there may be more than fit in one.
  const x = Math.min(columns, MAX_GROUPS);
  const program = programOf(backend, `column sums,${rows},${columns}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) i: u32,
) {
  let column = min(group.y * ${x}u + group.x, ${columns - 1}u);
  var sum = 0.0;
  for (var row = i; row < ${rows}u; row = row + 64u) {
    sum = sum + matrix[row * ${columns}u + column];
  }
  sums[i] = sum;
  for (var half = 32u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (i < half) {
      sums[i] = sums[i] + sums[i + half];
    }
  }
  if (i == 0u) {
    output[column] = sums[0];
  }
}
`,
    workgroups: [x, Math.ceil(columns / x), 1],
  }));
  dispatch(backend, program, [output, matrix]);
  return output;
}

/** One invocation per part of the rows and per column, or per four columns. */
function _partShader(
  { rows, columns }: MatrixSize,
  after: Omit<Activated, "y"> | undefined,
  source: Source,
): Shader {
  const width = columns % 4 === 0 ? 4 : 1;
  const type = width === 4 ? "vec4f" : "f32";
  const across = columns / width;
  const count = Math.ceil(rows / ROWS_PER_PART) * across;
  const grid = gridOf(count);
  const code = `
@group(0) @binding(0) var<storage, read_write> partial: array<${type}>;
${declareOperand("dy", { binding: 1, width, source })}
${
    after
      ? `${declareOperand("y", { binding: 2, width, source })}
${declareResult("dz", { binding: 3, width })}`
      : ""
  }

${indexOf(count, grid)}
  let column = i % ${across}u;
  let first = i / ${across}u * ${ROWS_PER_PART}u;
  let end = min(first + ${ROWS_PER_PART}u, ${rows}u);
  var sum = ${type}();
  for (var row = first; row < end; row = row + 1u) {
    let at = row * ${across}u + column;
    ${
    after
      ? `let d = ${_derivative(after, type)};
    dzWrite(at, d);`
      : "let d = dyRead(at);"
  }
    sum = sum + d;
  }
  partial[i] = sum;
}
`;
  return { code, workgroups: grid };
}

function _derivative(
  { activation, dropoutRate = 0 }: Omit<Activated, "y">,
  type: "vec4f" | "f32",
): string {
  const scale = dropoutRate === 0 ? "" : ` * ${dropoutScale(dropoutRate)}`;
  const dy = `dyRead(at)${scale}`;
  return activationGradientOf(activation, { dy, y: "yRead(at)", type });
}
