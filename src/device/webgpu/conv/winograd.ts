/**
 * Convolution of stride 1 by Winograd's minimal filtering: tiles and filters are transformed, multiplied place by place as
 * a batch of matrix products, and transformed back.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { addInPlace } from "../update/add_in_place.ts";
import type { ConvEpilogue } from "../wgsl/epilogue.ts";
import { makeOutput } from "../run/dispatch.ts";
import { imagesOf } from "./image_parts.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { type AdapterTraits, traitsOf } from "../run/traits.ts";
import { winogradMatrices } from "./winograd_matrices.ts";
import {
  type FilterPlan,
  type ForwardPlan,
  planFilter,
  planForward,
} from "./winograd_plan.ts";
import { inputOf, outputOf } from "./winograd_sizes.ts";
import { multiplyPlaces, runTransform } from "./winograd_stages.ts";

/** A convolution to compute by tiles. */
export interface TiledConvolution {
  /** Its sizes, which `fitsWinograd`. */
  readonly sizes: ConvSizes;
  /** Outputs of a tile along each direction: of the forward pass, or elements of the gradient that has the input's size. */
  readonly m: number;
  /** Names the operation and all sizes. */
  readonly key: string;
}

const forwardPlans = new WeakMap<AdapterTraits, Map<string, ForwardPlan>>();
const filterPlans = new WeakMap<AdapterTraits, Map<string, FilterPlan>>();

/**
 * Convolution by tiles.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x`, NHWC, and `filter`, HWIO, float32 or float16, and what follows the sum.
 * @param convolution What to compute.
 * @returns The output, float32 or float16 NHWC.
 */
export function winogradForward(
  backend: WebGPUBackend,
  { x, filter, bias, activation, stored }:
    & { x: TensorInfo; filter: TensorInfo }
    & ConvEpilogue,
  { sizes: s, m, key }: TiledConvolution,
): TensorInfo {
  const epilogue = { hasBias: bias !== undefined, activation };
  const isHalf = _isAnyHalf(backend, [x], stored);
  const name = `${key},${m},${isHalf},${epilogue.hasBias},${activation}`;
  const plan = _planOf(
    forwardPlans,
    backend,
    name,
    () =>
      planForward(backend, s, m, {
        isHalf,
        from: inputOf(s),
        to: outputOf(s),
        top: s.padTop,
        left: s.padLeft,
        taps: winogradMatrices(m, s.filterHeight).filter,
        along: "outer",
        epilogue,
      }),
  );
  return _forward(backend, plan, { from: x, filter, bias, stored });
}

/**
 * Gradient of a convolution with respect to its input, by tiles: a convolution of `dy` with the filter turned around.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, NHWC, and `filter`, HWIO, float32 or float16.
 * @param convolution What to compute.
 * @returns float32 or float16 `[batch, inHeight, inWidth, inChannels]`.
 */
export function winogradInputGradient(
  backend: WebGPUBackend,
  { dy, filter, stored }: {
    dy: TensorInfo;
    filter: TensorInfo;
    stored?: StoredType;
  },
  { sizes: s, m, key }: TiledConvolution,
): TensorInfo {
  const r = s.filterHeight;
  const isHalf = _isAnyHalf(backend, [dy], stored);
  const plan = _planOf(
    forwardPlans,
    backend,
    `${key},${m},${isHalf}`,
    () =>
      planForward(backend, s, m, {
        isHalf,
        from: outputOf(s),
        to: inputOf(s),
        top: r - 1 - s.padTop,
        left: r - 1 - s.padLeft,
        taps: winogradMatrices(m, r).turnedFilter,
        along: "depth",
        epilogue: {},
      }),
  );
  return _forward(backend, plan, { from: dy, filter, stored });
}

/**
 * Gradient of a convolution with respect to its filter, by tiles: the filter's taps are the outputs, and a tile of `dy` is
 * the filter.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `x` and `dy`, float32 or float16 NHWC.
 * @param convolution What to compute.
 * @returns float32 HWIO.
 */
export function winogradFilterGradient(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  { sizes, m, key }: TiledConvolution,
): TensorInfo {
  const isHalf = _isAnyHalf(backend, [x, dy]);
  const plan = _planOf(
    filterPlans,
    backend,
    `${key},${m},${isHalf}`,
    () => planFilter(backend, sizes, m, isHalf),
  );
  let sums: TensorInfo | undefined;
  for (const { part, inputs, gradients, products } of plan.parts) {
    const left = runTransform(backend, inputs, [imagesOf(x, part)]);
    const right = runTransform(backend, gradients, [imagesOf(dy, part)]);
    const terms = multiplyPlaces(backend, products, { left, right });
    backend.disposeData(right.dataId);
    if (sums === undefined) {
      sums = terms;
    } else {
      addInPlace(backend, sums, terms);
      backend.disposeData(terms.dataId);
    }
  }
  const gradient = runTransform(backend, plan.output, [sums!]);
  backend.disposeData(sums!.dataId);
  return gradient;
}

/** Transforms tiles, multiplies them with transformed filters and transforms the products to tiles of the output. */
function _forward(
  backend: WebGPUBackend,
  plan: ForwardPlan,
  { from, filter, bias, stored }: {
    from: TensorInfo;
    filter: TensorInfo;
    bias?: TensorInfo;
    stored?: StoredType;
  },
): TensorInfo {
  const taps = runTransform(backend, plan.taps, [filter]);
  const output = makeOutput(backend, plan.shape, stored);
  const rest = bias === undefined ? [] : [bias];
  for (const { part, inputs, products, outputs } of plan.parts) {
    const left = runTransform(backend, inputs, [imagesOf(from, part)]);
    const sums = multiplyPlaces(backend, products, { left, right: taps });
    const images = imagesOf(output, part);
    runTransform(backend, outputs, [sums, ...rest], images);
    backend.disposeData(sums.dataId);
  }
  backend.disposeData(taps.dataId);
  return output;
}

/** Whether images that are read or written store float16. */
function _isAnyHalf(
  backend: WebGPUBackend,
  read: readonly TensorInfo[],
  stored?: StoredType,
): boolean {
  return stored === "float16" ||
    read.some((images) => storedType(backend, images) === "float16");
}

function _planOf<Plan>(
  plans: WeakMap<AdapterTraits, Map<string, Plan>>,
  backend: WebGPUBackend,
  key: string,
  make: () => Plan,
): Plan {
  const traits = traitsOf(backend);
  let known = plans.get(traits);
  if (known === undefined) plans.set(traits, known = new Map());
  let plan = known.get(key);
  if (plan === undefined) known.set(key, plan = make());
  return plan;
}
