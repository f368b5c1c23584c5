/**
 * Runs a matrix product on tensors: chooses tiles, compiles once per key, and adds up split sums.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { FusedActivation } from "./activation.ts";
import { dispatch, makeOutput } from "./dispatch.ts";
import { type Program, programOf } from "./program.ts";
import type { Epilogue } from "./epilogue.ts";
import { gemm } from "./gemm.ts";
import type { GemmPlan } from "./gemm_plan.ts";
import { addSplits } from "./split_sum.ts";
import {
  type AdapterTraits,
  chooseTiling,
  type GemmSizes,
  type Tiling,
  traitsOf,
} from "./tile.ts";
import type { View } from "./view.ts";

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
}

/** A choice of tiles, and the program with it. */
interface Choice {
  readonly tiling: Tiling;
  readonly program: Program;
}

/** Choices by the key of the product and of what follows it, per adapter as it is or is pretended to be. */
const choices = new WeakMap<AdapterTraits, Map<string, Choice>>();

/**
 * Runs a product.
 *
 * @param backend The backend that holds the tensors.
 * @param product What to compute.
 * @param tensors On what.
 * @returns The output, float32, which the caller owns.
 */
export function runProduct(
  backend: WebGPUBackend,
  product: Product,
  tensors: ProductTensors,
): TensorInfo {
  const { activation } = product;
  const hasBias = tensors.bias !== undefined;
  const epilogue = { hasBias, activation };
  const { tiling, program } = _choiceOf(backend, product, epilogue);
  const { isTransposed, splits } = tiling;
  const output = makeOutput(backend, tensors.outputShape);
  const operands = isTransposed
    ? [tensors.right, tensors.left]
    : [tensors.left, tensors.right];
  const rest = hasBias ? [tensors.bias!] : [];
  if (splits === 1) {
    dispatch(backend, program, [output, ...operands, ...rest]);
    return output;
  }
  const { rows, columns, batch } = product;
  const partial = makeOutput(backend, [batch, splits, rows * columns]);
  dispatch(backend, program, [partial, ...operands]);
  addSplits(
    backend,
    { output, partial, bias: tensors.bias },
    { batch, splits, rows, columns },
    epilogue,
  );
  backend.disposeData(partial.dataId);
  return output;
}

function _choiceOf(
  backend: WebGPUBackend,
  product: Product,
  epilogue: Epilogue,
): Choice {
  const traits = traitsOf(backend);
  let known = choices.get(traits);
  if (known === undefined) choices.set(traits, known = new Map());
  const key = `${product.key},${epilogue.hasBias},${epilogue.activation}`;
  let choice = known.get(key);
  if (choice === undefined) {
    const tiling = chooseTiling(product, traits);
    const { tile, isTransposed, splits } = tiling;
    const programKey = [key, ...Object.values(tile), isTransposed, splits];
    const program = programOf(
      backend,
      programKey.join(),
      () => gemm(_plan(product, tiling, epilogue)),
    );
    known.set(key, choice = { tiling, program });
  }
  return choice;
}

function _plan(
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
