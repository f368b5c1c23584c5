/**
 * The gradient of a filter whose output is max pooled, from the pooled places alone.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { ConvSizes } from "./conv_view.ts";
import { dispatch, makeOutput } from "./dispatch.ts";
import { poolKey, type PoolSizes } from "./pool_shader.ts";
import { programOf } from "./program.ts";
import { sparseFilterShader } from "./sparse_filter_shader.ts";
import { addSplits } from "./split_sum.ts";
import { traitsOf } from "./traits.ts";

/** Workgroups that keep an adapter busy. */
const BUSY_GROUPS = { software: 16, hardware: 256 };

/** Most turns of a loop: llvmpipe before Mesa 25 stops after 65,535. */
const MOST_TURNS = 60_000;

/** Output channels of a workgroup. */
const CHANNELS = 32;

/**
 * Computes the gradient.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors float32 `x`, NHWC, and of the largest values of each window float32 `dy`, the gradient, and int32
 * `places`, `[batch, outHeight, outWidth, channels]`.
 * @param sizes Sizes of the convolution, which `fitsSparse`, and of the pooling.
 * @param key Names the convolution and all of its sizes.
 * @returns float32 HWIO.
 */
export function sparseFilterGradient(
  backend: WebGPUBackend,
  { x, dy, places }: { x: TensorInfo; dy: TensorInfo; places: TensorInfo },
  { conv, pool }: { conv: ConvSizes; pool: PoolSizes },
  key: string,
): TensorInfo {
  const { isSoftware, source } = traitsOf(backend);
  const { filterHeight, filterWidth, inChannels, outChannels } = conv;
  const count = pool.batch * pool.outHeight * pool.outWidth;
  const busy = BUSY_GROUPS[isSoftware ? "software" : "hardware"];
  const splits = Math.max(
    Math.min(Math.ceil(busy / Math.ceil(outChannels / CHANNELS)), count),
    Math.ceil(count / MOST_TURNS),
  );
  const options = { splits, source };
  const program = programOf(
    backend,
    `${poolKey(key, pool)} sparse,${splits},${source}`,
    () => sparseFilterShader(conv, pool, options),
  );
  const shape = [filterHeight, filterWidth, inChannels, outChannels];
  const output = makeOutput(backend, splits === 1 ? shape : [splits, ...shape]);
  dispatch(backend, program, [output, x, dy, places]);
  if (splits === 1) return output;
  const gradient = makeOutput(backend, shape);
  addSplits(backend, { output: gradient, partial: output }, {
    batch: 1,
    splits,
    rows: filterHeight * filterWidth * inChannels,
    columns: outChannels,
  });
  backend.disposeData(output.dataId);
  return gradient;
}
