/**
 * Runs convolutions of few channels by rows, where that is what the adapter and the sizes call for.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { FusedActivation } from "./activation.ts";
import { averageGradientRow } from "./average_pool_rows_shader.ts";
import { columnSums } from "./column_sums.ts";
import { type RowConvolution, rowShader } from "./conv_rows_shader.ts";
import type { ConvSizes } from "./conv_view.ts";
import { dispatch, makeOutput } from "./dispatch.ts";
import {
  filterRowShader,
  type FilterRowsPlan,
  storedGradient,
} from "./filter_rows_shader.ts";
import { poolKey, type PoolSizes } from "./pool_shader.ts";
import { programOf } from "./program.ts";
import type { StoredType } from "./recorder.ts";
import { addSplits } from "./split_sum.ts";
import { type AdapterTraits, traitsOf } from "./traits.ts";
import { MAX_GROUPS } from "./wgsl.ts";

/**
 * Most that a lane may keep of a row (numbers) and of sums, and compute in a turn (multiply-adds): beyond them compiling
 * takes more than five seconds on llvmpipe, and few channels are no longer what bounds a convolution.
 */
const MOST = { row: 512, sums: 512, products: 7000 };

/** Workgroups that keep a software adapter busy. */
const BUSY_GROUPS = 16;

/** Most turns of a loop: llvmpipe before Mesa 25 stops after 65,535. */
const MOST_TURNS = 60_000;

/**
 * Whether a convolution is computed by rows.
 *
 * @param traits The adapter.
 * @param convolution The convolution.
 * @returns Whether {@linkcode convRows} is for it.
 */
export function fitsRows(
  { hasRows, lanes }: AdapterTraits,
  { batch, from, to, filterWidth }: RowConvolution,
): boolean {
  const sums = to.width * to.channels;
  return hasRows && sums <= MOST.sums &&
    from.width * from.channels <= MOST.row &&
    sums * filterWidth * from.channels <= MOST.products &&
    batch * to.height / lanes <= MAX_GROUPS;
}

/**
 * Computes a convolution by rows.
 *
 * @param backend The backend that holds the tensors.
 * @param convolution The convolution; {@linkcode fitsRows}.
 * @param tensors What it reads, float32 or float16 NHWC, the filter, HWIO, and what follows the sums.
 * @param key Names the convolution and all of its sizes.
 * @returns What it gives, float32 or float16 NHWC.
 */
export function convRows(
  backend: WebGPUBackend,
  convolution: RowConvolution,
  tensors: {
    from: TensorInfo;
    filter: TensorInfo;
    bias?: TensorInfo;
    activation?: FusedActivation;
    stored?: StoredType;
  },
  key: string,
): TensorInfo {
  const { batch, to } = convolution;
  const { from, filter, bias, activation, stored } = tensors;
  const epilogue = { hasBias: bias !== undefined, activation };
  const traits = traitsOf(backend);
  const program = programOf(
    backend,
    `${key} by rows,${traits.lanes},${traits.source},${epilogue.hasBias},${activation}`,
    () => rowShader(convolution, traits, epilogue),
  );
  const shape = [batch, to.height, to.width, to.channels];
  const output = makeOutput(backend, shape, stored);
  const rest = bias === undefined ? [] : [bias];
  dispatch(backend, program, [output, from, filter, ...rest]);
  return output;
}

/**
 * Plans the gradient of a filter by rows.
 *
 * @param traits The adapter.
 * @param sizes Sizes of the convolution.
 * @returns How to cut it, or undefined where {@linkcode filterGradientRows} is not for the convolution.
 */
export function planFilterRows(
  { hasRows, lanes, source }: AdapterTraits,
  s: ConvSizes,
): FilterRowsPlan | undefined {
  const row = Math.max(s.inWidth * s.inChannels, s.outWidth * s.outChannels);
  if (!hasRows || row > MOST.row) return;
  // The shader asks for the length of `x`, which for an odd number of float16 is one more.
  if (s.inHeight * s.inWidth * s.inChannels === 1) return;
  const sums = s.filterWidth * s.inChannels * s.outChannels;
  const filterRows = [s.filterHeight, 1].find((rows) =>
    rows * sums <= MOST.sums && rows * sums * s.outWidth <= MOST.products
  );
  if (filterRows === undefined) return;
  const turns = Math.ceil(s.batch * s.outHeight / lanes);
  const busy = Math.ceil(BUSY_GROUPS * filterRows / s.filterHeight);
  const splits = Math.max(
    Math.min(busy, turns),
    Math.ceil(turns / MOST_TURNS),
  );
  return { lanes, filterRows, splits, source };
}

/**
 * Computes the gradient of a filter by rows.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `dy`, float32 or float16 NHWC.
 * @param options Sizes of the convolution, how to cut it, and a key that names it and all of its sizes.
 * @returns float32 HWIO.
 */
export function filterGradientRows(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  options: { sizes: ConvSizes; plan: FilterRowsPlan; key: string },
): TensorInfo {
  const { sizes, plan, key } = options;
  const program = programOf(
    backend,
    `${key} by rows,${Object.values(plan)}`,
    () => filterRowShader(sizes, plan, storedGradient(sizes, plan.source)),
  );
  const partial = _filterSums(backend, sizes, plan);
  dispatch(backend, program, [partial, x, x, dy]);
  return _addFilterSums(backend, partial, sizes);
}

/**
 * Computes the gradients of a filter and of a bias that an activation and an average pooling follow, where the gradient
 * of the input is not wanted: that of the sums, which is as large as the unpooled output, is never stored.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, the output `y` of the activation and the gradient `dy` of the pooling's output, float32 or float16 NHWC.
 * @param options Sizes of convolution and pooling, the activation, how to cut it, and a key that names the convolution
 * and all of its sizes.
 * @returns The gradients of the filter, HWIO, and of the bias, float32.
 */
export function pooledFilterGradientRows(
  backend: WebGPUBackend,
  { x, y, dy }: { x: TensorInfo; y: TensorInfo; dy: TensorInfo },
  options: {
    sizes: ConvSizes;
    pool: PoolSizes;
    activation: FusedActivation;
    plan: FilterRowsPlan;
    key: string;
  },
): { filter: TensorInfo; bias: TensorInfo } {
  const { sizes, pool, activation, plan, key } = options;
  const program = programOf(
    backend,
    `${poolKey(key, pool)},${activation} by rows,${Object.values(plan)}`,
    () =>
      filterRowShader(sizes, plan, {
        ...averageGradientRow(pool, {
          activation,
          binding: 3,
          isRow: "isRow",
          source: plan.source,
        }),
        biasBinding: 5,
      }),
  );
  const partial = _filterSums(backend, sizes, plan);
  const rows = plan.splits * plan.lanes;
  const columns = sizes.outChannels;
  const biases = makeOutput(backend, [rows, columns]);
  dispatch(backend, program, [partial, x, x, dy, y, biases]);
  const bias = columnSums(backend, biases, { rows, columns });
  backend.disposeData(biases.dataId);
  return { filter: _addFilterSums(backend, partial, sizes), bias };
}

/** Makes the sums of each lane. */
function _filterSums(
  backend: WebGPUBackend,
  s: ConvSizes,
  { splits, lanes }: FilterRowsPlan,
): TensorInfo {
  return makeOutput(backend, [splits * lanes, ..._filterShape(s)]);
}

/** Adds up the sums of the lanes and frees them. */
function _addFilterSums(
  backend: WebGPUBackend,
  partial: TensorInfo,
  s: ConvSizes,
): TensorInfo {
  const output = makeOutput(backend, _filterShape(s));
  addSplits(backend, { output, partial }, {
    batch: 1,
    splits: partial.shape[0],
    rows: s.filterHeight * s.filterWidth * s.inChannels,
    columns: s.outChannels,
  });
  backend.disposeData(partial.dataId);
  return output;
}

function _filterShape(s: ConvSizes): number[] {
  return [s.filterHeight, s.filterWidth, s.inChannels, s.outChannels];
}
