/**
 * The gradient of a filter whose output is max pooled, from the pooled places alone.
 *
 * @module
 */

import type { ConvSizes, PoolSizes } from "../../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch, makeOutput } from "../run/dispatch.ts";
import { poolKey } from "../pool/pool_shader.ts";
import { programOf } from "../run/program.ts";
import { CHANNELS, sparseFilterShader } from "./sparse_filter_shader.ts";
import { addSplits } from "../gemm/split_sum.ts";
import { traitsOf } from "../run/traits.ts";

/** Workgroups that keep an adapter busy. */
const BUSY_GROUPS = { software: 16, hardware: 256 };

/** Most turns of a loop: llvmpipe before Mesa 25 stops after 65,535. */
const MOST_TURNS = 60_000;

/**
 * Makes places that largest values might have: a random one of each window.
 *
 * @param p Sizes of the pooling.
 * @returns Places as `maxPoolWithPlaces` gives them, `[batch, outHeight, outWidth, channels]`.
 */
export function randomPlaces(p: PoolSizes): Int32Array {
  const along = (start: number, window: number, size: number) =>
    Math.min(Math.max(start + Math.floor(Math.random() * window), 0), size - 1);
  const shape = [p.outHeight, p.outWidth, p.channels];
  const [height, width, channels] = shape;
  const image = height * width * channels;
  return Int32Array.from({ length: p.batch * image }, (_, i) => {
    const pixel = Math.floor(i % image / channels);
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const y = row * p.strideHeight - p.padTop;
    const x = column * p.strideWidth - p.padLeft;
    return along(y, p.windowHeight, p.inHeight) * p.inWidth +
      along(x, p.windowWidth, p.inWidth);
  });
}

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
  const { isSoftware, source, maxBindingBytes } = traitsOf(backend);
  const { filterHeight, filterWidth, inChannels, outChannels } = conv;
  const count = pool.batch * pool.outHeight * pool.outWidth;
  const busy = BUSY_GROUPS[isSoftware ? "software" : "hardware"];
  const filterBytes = 4 * filterHeight * filterWidth * inChannels * outChannels;
  const splits = Math.max(
    Math.min(
      Math.ceil(busy / Math.ceil(outChannels / CHANNELS)),
      Math.max(1, Math.floor(maxBindingBytes / filterBytes)),
      count,
    ),
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
