/**
 * Runs convolutions of few channels by rows, where that is what the adapter and the sizes call for.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { FusedActivation } from "./activation.ts";
import { type RowConvolution, rowShader } from "./conv_rows_shader.ts";
import type { ConvSizes } from "./conv_view.ts";
import { dispatch, makeOutput } from "./dispatch.ts";
import { filterRowShader, type FilterRowsPlan } from "./filter_rows_shader.ts";
import { programOf } from "./program.ts";
import { addSplits } from "./split_sum.ts";
import { type AdapterTraits, traitsOf } from "./tile.ts";
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
 * @param tensors What it reads, float32 NHWC, the filter, HWIO, and what follows the sums.
 * @param key Names the convolution and all of its sizes.
 * @returns What it gives, float32 NHWC.
 */
export function convRows(
  backend: WebGPUBackend,
  convolution: RowConvolution,
  tensors: {
    from: TensorInfo;
    filter: TensorInfo;
    bias?: TensorInfo;
    activation?: FusedActivation;
  },
  key: string,
): TensorInfo {
  const { batch, to } = convolution;
  const { from, filter, bias, activation } = tensors;
  const epilogue = { hasBias: bias !== undefined, activation };
  const { lanes } = traitsOf(backend);
  const program = programOf(
    backend,
    `${key} by rows,${lanes},${epilogue.hasBias},${activation}`,
    () => rowShader(convolution, lanes, epilogue),
  );
  const output = makeOutput(backend, [batch, to.height, to.width, to.channels]);
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
  { hasRows, lanes }: AdapterTraits,
  s: ConvSizes,
): FilterRowsPlan | undefined {
  const row = Math.max(s.inWidth * s.inChannels, s.outWidth * s.outChannels);
  if (!hasRows || row > MOST.row) return;
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
  return { lanes, filterRows, splits };
}

/**
 * Computes the gradient of a filter by rows.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `dy`, float32 NHWC.
 * @param options Sizes of the convolution, how to cut it, and a key that names it and all of its sizes.
 * @returns float32 HWIO.
 */
export function filterGradientRows(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  options: { sizes: ConvSizes; plan: FilterRowsPlan; key: string },
): TensorInfo {
  const { sizes, plan, key } = options;
  const { lanes, filterRows, splits } = plan;
  const { filterHeight, filterWidth, inChannels, outChannels } = sizes;
  const program = programOf(
    backend,
    `${key} by rows,${lanes},${filterRows},${splits}`,
    () => filterRowShader(sizes, plan),
  );
  const shape = [filterHeight, filterWidth, inChannels, outChannels];
  const partial = makeOutput(backend, [splits * lanes, ...shape]);
  dispatch(backend, program, [partial, x, dy]);
  const output = makeOutput(backend, shape);
  addSplits(backend, { output, partial }, {
    batch: 1,
    splits: splits * lanes,
    rows: filterHeight * filterWidth * inChannels,
    columns: outChannels,
  });
  backend.disposeData(partial.dataId);
  return output;
}
