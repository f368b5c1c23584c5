/**
 * Runs a matrix product on tensors: chooses tiles, compiles once per key, and adds up split sums.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedActivation } from "../../device.ts";
import { gemm } from "./gemm.ts";
import type { GemmPlan } from "./gemm_store.ts";
import { chooseTilings, type GemmSizes, type Tiling } from "./tile.ts";
import { matrix, type View } from "./view.ts";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import { type Program, programOf } from "../run/program.ts";
import type { StoredType } from "../run/recorder.ts";
import {
  type AdapterTraits,
  keyOf,
  runOperation,
  traitsOf,
} from "../run/ways.ts";
import {
  type Epilogue,
  finishFunction,
  gridOf,
  indexOf,
  type Shader,
} from "../wgsl/wgsl.ts";
import { declareResult } from "../wgsl/operand.ts";

/** A product to run: `output[row, column] = activation(sum over k of left * right + bias[column])`. */
export interface Product extends GemmSizes {
  /** Names the operation and all sizes and options that the views depend on. */
  readonly key: string;
  /** Makes the views, if the shader is not known yet. */
  readonly views: () => { left: View; right: View };
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
}

/** The tensors of a product. */
export interface ProductTensors {
  readonly left: TensorInfo;
  readonly right: TensorInfo;
  /** float32 `[columns]`. */
  readonly bias?: TensorInfo;
  /** Shape of the output, of `batch * rows * columns` elements. */
  readonly outputShape: readonly number[];
  /** What the output stores. Default float32. */
  readonly stored?: StoredType;
}

/** A way to compute a product: its tiles and, once it has been used, its program. */
interface Way {
  readonly tiling: Tiling;
  program?: Program;
}

/** The ways to compute a product, by name. */
interface Ways {
  /** The usual first. */
  readonly names: readonly string[];
  readonly byName: ReadonlyMap<string, Way>;
}

/** Ways by the key of the product and of what follows it, per adapter as it is or is pretended to be. */
const known = new WeakMap<AdapterTraits, Map<string, Ways>>();

/** Runs a product. */
export function runProduct(
  backend: WebGPUBackend,
  product: Product,
  tensors: ProductTensors,
): TensorInfo {
  const { left, right, bias, outputShape, stored } = tensors;
  const epilogue = {
    hasBias: bias !== undefined,
    activation: product.activation,
  };
  const { names, byName } = waysOf(backend, product, epilogue);
  return runOperation(backend, {
    key: keyOf(backend, product.key, [left, right]),
    ways: names,
    usual: names[0],
    run(name, [left, right, bias]) {
      const way = byName.get(name)!;
      way.program ??= programOfTiling(backend, product, epilogue, way.tiling);
      const operands = { left, right, bias, outputShape, stored };
      return runWay(backend, product, operands, { ...epilogue, ...way });
    },
  }, bias === undefined ? [left, right] : [left, right, bias]);
}

function runWay(
  backend: WebGPUBackend,
  { rows, columns, batch }: Product,
  { left, right, bias, outputShape, stored }: ProductTensors,
  { tiling, program, ...epilogue }: Way & Epilogue,
): TensorInfo {
  const { isTransposed, splits } = tiling;
  const output = makeOutput(backend, outputShape, stored);
  const operands = isTransposed ? [right, left] : [left, right];
  if (splits === 1) {
    const rest = bias === undefined ? [] : [bias];
    dispatch(backend, program!, [output, ...operands, ...rest]);
    return output;
  }
  const partial = makeOutput(backend, [batch, splits, rows * columns]);
  dispatch(backend, program!, [partial, ...operands]);
  const sizes = { batch, splits, rows, columns };
  addSplits(backend, { output, partial, bias }, sizes, epilogue);
  backend.disposeData(partial.dataId);
  return output;
}

function waysOf(
  backend: WebGPUBackend,
  product: Product,
  { hasBias, activation }: Epilogue,
): Ways {
  const traits = traitsOf(backend);
  let products = known.get(traits);
  if (products === undefined) known.set(traits, products = new Map());
  const key = `${product.key},${hasBias},${activation}`;
  let ways = products.get(key);
  if (ways === undefined) {
    const byName = new Map(
      chooseTilings(product, traits).map((tiling) => {
        const { tile: { rows, columns }, isTransposed } = tiling;
        const name = `${rows}x${columns}${isTransposed ? " transposed" : ""}`;
        return [name, { tiling }];
      }),
    );
    products.set(key, ways = { names: [...byName.keys()], byName });
  }
  return ways;
}

function programOfTiling(
  backend: WebGPUBackend,
  product: Product,
  epilogue: Epilogue,
  tiling: Tiling,
): Program {
  const { tile, isTransposed, splits } = tiling;
  const choices = [
    epilogue.hasBias,
    epilogue.activation,
    ...Object.values(tile),
    isTransposed,
    splits,
  ];
  return programOf(
    backend,
    `${product.key},${choices}`,
    () => gemm(plan(product, tiling, epilogue)),
  );
}

function plan(
  product: Product,
  tiling: Tiling,
  epilogue: Epilogue,
): GemmPlan {
  const { rows, columns, depth, batch } = product;
  const { left, right } = product.views();
  const { isTransposed, tile, splits } = tiling;
  return {
    depth,
    batch,
    tile,
    splits,
    rows: isTransposed ? columns : rows,
    columns: isTransposed ? rows : columns,
    left: isTransposed ? right : left,
    right: isTransposed ? left : right,
    outputAlong: isTransposed ? "row" : "column",
    epilogue,
  };
}

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
    () => shader(sizes, epilogue),
  );
  dispatch(backend, program, [output, partial, ...bias ? [bias] : []]);
}

/** One invocation per output. */
function shader(
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

/** Sizes of a product of matrices. */
export interface MatmulSizes {
  /** Number of products; an operand with one matrix is shared by all. */
  readonly batch: number;
  /** Matrices of `a`: `batch` or 1. */
  readonly batchA: number;
  /** Matrices of `b`: `batch` or 1. */
  readonly batchB: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether the matrices of `a` are stored `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether the matrices of `b` are stored `[columns, depth]`. */
  readonly transposeB: boolean;
}

/** Multiplies: `output[i] = activation(a[i] * b[i] + bias)`. */
export function matmul(
  backend: WebGPUBackend,
  tensors: {
    a: TensorInfo;
    b: TensorInfo;
    bias?: TensorInfo;
    activation?: FusedActivation;
    stored?: StoredType;
    outputShape: readonly number[];
  },
  sizes: MatmulSizes,
): TensorInfo {
  const { batch, batchA, batchB, rows, columns, depth } = sizes;
  const { transposeA, transposeB } = sizes;
  const { a, b, bias, activation, outputShape, stored } = tensors;
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
    activation,
  }, { left: a, right: b, bias, outputShape, stored });
}
