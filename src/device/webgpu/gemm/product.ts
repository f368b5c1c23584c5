/**
 * Runs matrix products on tensors: each tile that fits is a way, compiled once, and split sums are added up.
 *
 * `output[row, column] = sum over k of left(row, k) * right(k, column)`, with both operands read through views. It is what
 * everything heavy is made of. Its shaders have two forms. "registers": each invocation keeps a large tile of sums in registers
 * and reads its operands straight from textures, for software adapters, where workgroup memory is no faster. The lanes of a
 * subgroup share the left operand: each loads a part and broadcasts it, so that no value is loaded twice.
 * "staged": workgroups copy tiles of both operands to workgroup memory first, with coalesced reads, for GPUs.
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedActivation } from "../../device.ts";
import { memo } from "../../memo.ts";
import { registerForm } from "./gemm_registers.ts";
import { stagedForm } from "./gemm_staged.ts";
import type { GemmPlan } from "./gemm_store.ts";
import { chooseTilings, type GemmSizes, type Tiling } from "./tile.ts";
import { matrix, type View } from "./view.ts";
import {
  dispatch,
  makeOutput,
  type Program,
  programOf,
} from "../run/dispatch.ts";
import type { StoredType } from "../run/recorder.ts";
import {
  type Operation,
  runOperation,
  traitsOf,
  type Way,
} from "../run/ways.ts";
import {
  type Epilogue,
  finishFunction,
  gridOf,
  indexOf,
  type Shader,
} from "../wgsl/wgsl.ts";
import { declareResult } from "../wgsl/operand.ts";

/** A product to run. */
export interface Product extends GemmSizes {
  /** Names the operation and all sizes and options that the views depend on. */
  readonly key: string;
  /** Makes the views, if the shader is not known yet. */
  readonly views: () => { left: View; right: View };
}

/** What a product gives. */
interface ProductOutput {
  /** Of `batch * rows * columns` elements. */
  readonly outputShape: readonly number[];
  /** What the output stores. Default float32. */
  readonly stored?: StoredType;
}

/** The tensors of a product. */
interface ProductTensors extends ProductOutput {
  readonly left: TensorInfo;
  readonly right: TensorInfo;
  /** float32 `[columns]`. */
  readonly bias?: TensorInfo;
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
}

/** Per adapter as it is or is pretended to be, by the key of the product and of what follows it. */
const operations = memo<Operation<ProductOutput>>();

/** Computes `activation(left * right + bias)`. */
export function runProduct(
  backend: WebGPUBackend,
  product: Product,
  { left, right, bias, activation, ...output }: ProductTensors,
): TensorInfo {
  const traits = traitsOf(backend);
  const epilogue = { hasBias: bias !== undefined, activation };
  const key = `${product.key},${epilogue.hasBias},${activation}`;
  const operation = operations(traits, key, () => {
    const { rows, columns, depth, batch } = product;
    return {
      key: product.key,
      what: `${
        batch === 1 ? "product" : `${batch} products`
      } of ${rows}x${depth} and ${depth}x${columns} by tiles`,
      ways: chooseTilings(product, traits).map((tiling) =>
        wayOf(product, epilogue, tiling)
      ),
    };
  });
  const tensors = bias === undefined ? [left, right] : [left, right, bias];
  return runOperation(backend, operation, tensors, output);
}

/** Computes a product by tiles. */
function wayOf(
  product: Product,
  epilogue: Epilogue,
  tiling: Tiling,
): Way<ProductOutput> {
  const { rows, columns, batch } = product;
  const { tile, isTransposed, splits } = tiling;
  const { hasBias, activation } = epilogue;
  const tiles = [...Object.values(tile), isTransposed, splits];
  const key = `${product.key},${[hasBias, activation, ...tiles]}`;
  let program: Program | undefined;
  return {
    name: `${tile.rows}x${tile.columns}${isTransposed ? " transposed" : ""}`,
    fits: true,
    run(backend, [left, right, ...bias], { outputShape, stored }) {
      program ??= programOf(
        backend,
        key,
        () => gemm(planOf(product, epilogue, tiling)),
      );
      const output = makeOutput(backend, outputShape, stored);
      const operands = isTransposed ? [right, left] : [left, right];
      if (splits === 1) {
        dispatch(backend, program, [output, ...operands, ...bias]);
        return output;
      }
      const partial = makeOutput(backend, [batch, splits, rows * columns]);
      dispatch(backend, program, [partial, ...operands]);
      const sizes = { batch, splits, rows, columns };
      addSplits(backend, [output, partial, ...bias], sizes, epilogue);
      backend.disposeData(partial.dataId);
      return output;
    },
  };
}

function planOf(
  { rows, columns, depth, batch, views }: Product,
  epilogue: Epilogue,
  { tile, isTransposed, splits }: Tiling,
): GemmPlan {
  const { left, right } = views();
  const plan = { depth, batch, tile, splits, epilogue };
  return isTransposed
    ? {
      ...plan,
      rows: columns,
      columns: rows,
      left: right,
      right: left,
      outputAlong: "row",
    }
    : { ...plan, rows, columns, left, right, outputAlong: "column" };
}

/** Writes the shader of a plan. */
export function gemm(plan: GemmPlan): Shader {
  return plan.tile.form === "registers"
    ? registerForm(plan, plan.tile)
    : stagedForm(plan, plan.tile);
}

/** Sizes of sums of which each has some parts. */
type SplitSizes = Omit<GemmSizes, "depth"> & Pick<Tiling, "splits">;

/**
 * Computes `output[b, row, column] = activation(sum over the parts of partial[b, part, row, column] + bias[column])`, from the
 * output, the parts and, if there is one, the bias.
 */
export function addSplits(
  backend: WebGPUBackend,
  tensors: readonly TensorInfo[],
  sizes: SplitSizes,
  epilogue: Epilogue = {},
): void {
  const { batch, splits, rows, columns } = sizes;
  const { hasBias = false, activation } = epilogue;
  const what = [batch, splits, rows, columns, hasBias, activation ?? "linear"];
  const program = programOf(
    backend,
    `sum of splits,${what}`,
    () => splitsShader(sizes, epilogue),
  );
  dispatch(backend, program, tensors);
}

/** One invocation per output. */
function splitsShader(
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

/** Sizes of products of matrices. */
export interface MatmulSizes extends GemmSizes {
  /** Matrices of `a`: `batch`, or 1 that all products share. */
  readonly batchA: number;
  /** The same of `b`. */
  readonly batchB: number;
  /** Whether the matrices of `a` are stored `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether the matrices of `b` are stored `[columns, depth]`. */
  readonly transposeB: boolean;
}

/** Multiplies: `output[i] = activation(a[i] * b[i] + bias)`. */
export function matmul(
  backend: WebGPUBackend,
  { a, b, ...tensors }:
    & { a: TensorInfo; b: TensorInfo }
    & Omit<ProductTensors, "left" | "right">,
  sizes: MatmulSizes,
): TensorInfo {
  const { batch, batchA, batchB, rows, columns, depth } = sizes;
  const { transposeA, transposeB } = sizes;
  return runProduct(backend, {
    key: `matmul,${batch},${batchA},${batchB},${rows},${columns},${depth},` +
      `${transposeA},${transposeB}`,
    rows,
    columns,
    depth,
    batch,
    views: () => ({
      left: matrix({
        outer: rows,
        depth,
        along: transposeA ? "outer" : "depth",
        batchStride: batchA === 1 ? 0 : rows * depth,
      }),
      right: matrix({
        outer: columns,
        depth,
        along: transposeB ? "depth" : "outer",
        batchStride: batchB === 1 ? 0 : columns * depth,
      }),
    }),
  }, { ...tensors, left: a, right: b });
}
