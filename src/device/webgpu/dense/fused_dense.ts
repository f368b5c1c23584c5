/** Matrix product, bias, activation and dropout as one differentiable operation on the WebGPU backend. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedActivation, FusedDenseOptions } from "../../device.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { type Tensor, type Tensor2D, tf } from "../../tf.ts";
import { readAs } from "../cast.ts";
import { dropInPlace, dropoutScale } from "./dropout.ts";
import { matmul, type MatmulSizes } from "../gemm/product.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import {
  activationGradientOf,
  gridOf,
  indexOf,
  MAX_GROUPS,
  type Shader,
} from "../wgsl/wgsl.ts";
import { declareOperand, declareResult, type Source } from "../wgsl/operand.ts";

/** Computes `dropout(activation(x * kernel + bias))`. No mask is kept: where the output is 0, so is the gradient. */
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
  return differentiable([x, kernel, bias], (save) => {
    const read = readAs(backend, kernel, stored);
    const output = product(
      backend,
      { a: x, b: read, bias, activation, stored },
      { rows, columns, depth: inputs },
    );
    if (dropout) dropInPlace(backend, output, dropout);
    save([x, read, output]);
    return output;
  }, (dy, [x, kernel, y]) => {
    const after = activation &&
      { y, activation, dropoutRate: dropout?.rate };
    const { bias, dz } = biasGradient(backend, { dy, after });
    const dx = product(
      backend,
      { a: dz, b: kernel, stored: storedType(backend, x) },
      { rows, columns: inputs, depth: columns, transposeB: true },
    );
    // Stored as the kernel that was read: gradients of dense layers are most of a network's.
    const dKernel = product(
      backend,
      { a: x, b: dz, stored: storedType(backend, kernel) },
      { rows: inputs, columns, depth: rows, transposeA: true },
    );
    if (dz !== dy) backend.disposeData(dz.dataId);
    return [dx, dKernel, asTensor(bias)];
  }) as Tensor2D;
}

/** Multiplies two matrices. */
function product(
  backend: WebGPUBackend,
  tensors: Omit<Parameters<typeof matmul>[1], "outputShape">,
  sizes: MatrixSize & Partial<MatmulSizes> & { depth: number },
): Tensor {
  const outputShape = [sizes.rows, sizes.columns];
  return asTensor(matmul(backend, { ...tensors, outputShape }, {
    batch: 1,
    batchA: 1,
    batchB: 1,
    transposeA: false,
    transposeB: false,
    ...sizes,
  }));
}

interface MatrixSize {
  readonly rows: number;
  readonly columns: number;
}

/** Rows that one invocation adds up. */
const ROWS_PER_PART = 64;

/** What {@linkcode biasGradient} computes. */
export interface BiasGradient {
  /** float32 `[columns]`: the sums of the columns of `dz`. */
  readonly bias: TensorInfo;
  /** Gradient of the biased sums, of the shape and stored type of `dy`; `dy` itself without an activation. */
  readonly dz: TensorInfo;
}

/** What followed the bias. */
export interface Activated {
  /** What the activation (and the dropout) gave: float32 or float16, of the shape of `dy`. */
  readonly y: TensorInfo;
  readonly activation: FusedActivation;
  /** Rate of a dropout after a relu; where it dropped, `y` is 0, just as where the relu did. */
  readonly dropoutRate?: number;
}

/** Gradients of `y = dropout(activation(z + bias))`, or of `y = z + bias`, whose last dimension is the bias's. */
export function biasGradient(
  backend: WebGPUBackend,
  { dy, after }: { dy: TensorInfo; after?: Activated },
): BiasGradient {
  const size = tf.util.sizeFromShape(dy.shape);
  const columns = dy.shape.at(-1)!;
  const rows = size / columns;
  // Rows side by side are one row of vectors where their columns do not come in fours.
  const side = [1, 2, 4].find((n) => n * columns % 4 === 0 && rows % n === 0) ??
    1;
  const wide = { rows: rows / side, columns: columns * side };
  const parts = Math.ceil(wide.rows / ROWS_PER_PART) * side;
  const source = sourceOfPass(traitsOf(backend), size);
  const sums = makeOutput(backend, parts === 1 ? [columns] : [parts, columns]);
  const what = after
    ? `${after.activation},dropout ${after.dropoutRate ?? 0}`
    : "linear";
  const program = programOf(
    backend,
    `bias gradient,${rows},${columns},${what},${source}`,
    () => partShader(wide, after, source),
  );
  let dz = dy;
  if (after === undefined) {
    dispatch(backend, program, [sums, dy]);
  } else {
    dz = makeOutput(backend, dy.shape, storedType(backend, dy));
    dispatch(backend, program, [sums, dy, after.y, dz]);
  }
  if (parts === 1) return { bias: sums, dz };
  const bias = addRows(backend, sums, { rows: parts, columns });
  backend.disposeData(sums.dataId);
  return { bias, dz };
}

/** One invocation per part of the rows and per column, or per four columns. */
function partShader(
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
      ? `let d = ${derivative(after, type)};
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

function derivative(
  { activation, dropoutRate = 0 }: Omit<Activated, "y">,
  type: "vec4f" | "f32",
): string {
  const scale = dropoutRate === 0 ? "" : ` * ${dropoutScale(dropoutRate)}`;
  const dy = `dyRead(at)${scale}`;
  return activationGradientOf(activation, { dy, y: "yRead(at)", type });
}

/** Adds up few rows. */
function addRows(
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
