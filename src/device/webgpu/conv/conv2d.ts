/**
 * Convolution and its gradients: as matrix products, or by tiles.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { ConvSizes } from "../../sizes.ts";
import {
  filterTransposed,
  inputPatches,
  inputTaps,
  outputPatches,
} from "./conv_view.ts";
import {
  countAllTiles,
  fitsWinograd,
  winogradFilterGradient,
  winogradForward,
  winogradInputGradient,
} from "./winograd.ts";
import { MOST_PLACES } from "./winograd_matrices.ts";
import { runProduct } from "../gemm/product.ts";
import { matrix } from "../gemm/view.ts";
import type { StoredType } from "../run/recorder.ts";
import {
  type AdapterTraits,
  keyOf,
  runOperation,
  traitsOf,
} from "../run/ways.ts";
import type { ConvEpilogue } from "../wgsl/wgsl.ts";

/** Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`. */
export function conv2dForward(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: ConvSizes,
): TensorInfo {
  const { x, filter, bias, activation, stored } = tensors;
  const key = convKey("conv2d", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [x, filter]),
    ways,
    usual,
    run(way, [x, filter, bias]) {
      const tile = tileOf(way);
      const tensors = { x, filter, bias, activation, stored };
      return tile === undefined
        ? directForward(backend, tensors, sizes, key)
        : winogradForward(backend, tensors, { sizes, m: tile, key });
    },
  }, bias === undefined ? [x, filter] : [x, filter, bias]);
}

/** Gradient of a convolution with respect to its input. */
export function conv2dInputGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; filter: TensorInfo; stored?: StoredType },
  sizes: ConvSizes,
): TensorInfo {
  const { stored } = tensors;
  const key = convKey("conv2d input gradient", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [tensors.dy, tensors.filter]),
    ways,
    usual,
    run(way, [dy, filter]) {
      const tile = tileOf(way);
      return tile === undefined
        ? directInputGradient(backend, { dy, filter, stored }, sizes, key)
        : winogradInputGradient(backend, { dy, filter, stored }, {
          sizes,
          m: tile,
          key,
        });
    },
  }, [tensors.dy, tensors.filter]);
}

/** Gradient of a convolution with respect to its filter. */
export function conv2dFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
): TensorInfo {
  const key = convKey("conv2d filter gradient", sizes);
  const traits = traitsOf(backend);
  const { ways, usual, tileOf } = convWays(traits, sizes, key);
  return runOperation(backend, {
    key: keyOf(backend, key, [tensors.x, tensors.dy]),
    ways,
    usual,
    run(way, [x, dy]) {
      const tile = tileOf(way);
      return tile === undefined
        ? directFilterGradient(backend, { x, dy }, sizes, key)
        : winogradFilterGradient(backend, { x, dy }, { sizes, m: tile, key });
    },
  }, [tensors.x, tensors.dy]);
}

/** Names a convolution. */
export function convKey(operation: string, s: ConvSizes): string {
  return [
    operation,
    s.batch,
    s.inHeight,
    s.inWidth,
    s.inChannels,
    s.outHeight,
    s.outWidth,
    s.outChannels,
    s.filterHeight,
    s.filterWidth,
    s.strideHeight,
    s.strideWidth,
    s.padTop,
    s.padLeft,
  ].join(",");
}

/** The ways of a convolution or a gradient. */
export interface ConvWays {
  readonly ways: readonly string[];
  /** The one that is taken where nothing was measured. */
  readonly usual: string;
  /** Gives the side of a tile of a way by tiles, or undefined: directly. */
  readonly tileOf: (way: string) => number | undefined;
}

const DIRECT = "direct";

/**
 * Fewest tiles and channels for which tiles are the usual way of a software adapter: with less, transforming the filters
 * costs more than is saved. (GPUs compute directly unless the tuner has found better.)
 */
const WORTHWHILE = { tiles: 64, channels: 32 };

const known = new WeakMap<AdapterTraits, Map<string, ConvWays>>();

/** Lists the ways. */
export function convWays(
  traits: AdapterTraits,
  s: ConvSizes,
  key: string,
): ConvWays {
  let all = known.get(traits);
  if (all === undefined) known.set(traits, all = new Map());
  let ways = all.get(key);
  if (ways === undefined) all.set(key, ways = find(traits, s));
  return ways;
}

function find(traits: AdapterTraits, s: ConvSizes): ConvWays {
  const tiles = new Map(
    [MOST_PLACES, MOST_PLACES - 2].map((places) => places - s.filterHeight + 1)
      .filter((m) => m > 1 && fitsWinograd(s, m, traits.maxBindingBytes))
      .map((m) => [`winograd ${m}x${m}`, m]),
  );
  // With 3 taps a tile of 6 saves little more than one of 4, and its filters are larger.
  const best = [...tiles].find(([, m]) => m === 4)?.[0];
  const isWorthwhile = best !== undefined && traits.isSoftware &&
    countAllTiles(s, 4) >= WORTHWHILE.tiles &&
    Math.min(s.inChannels, s.outChannels) >= WORTHWHILE.channels;
  return {
    ways: [DIRECT, ...tiles.keys()],
    usual: isWorthwhile ? best : DIRECT,
    tileOf: (way) => tiles.get(way),
  };
}

/** Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`. */
export function directForward(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { batch, outHeight, outWidth, outChannels } = sizes;
  const depth = sizes.filterHeight * sizes.filterWidth * sizes.inChannels;
  return runProduct(backend, {
    // The product is an operation of its own, with ways of its own.
    key: `${key} product`,
    rows: batch * outHeight * outWidth,
    columns: outChannels,
    depth,
    batch: 1,
    views: () => ({
      left: inputPatches(sizes),
      right: matrix({ outer: outChannels, depth, along: "outer" }),
    }),
    activation: tensors.activation,
  }, {
    left: tensors.x,
    right: tensors.filter,
    bias: tensors.bias,
    stored: tensors.stored,
    outputShape: [batch, outHeight, outWidth, outChannels],
  });
}

/** Gradient of a convolution with respect to its input. */
export function directInputGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; filter: TensorInfo; stored?: StoredType },
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { batch, inHeight, inWidth, inChannels } = sizes;
  return runProduct(backend, {
    key: `${key} product`,
    rows: batch * inHeight * inWidth,
    columns: inChannels,
    depth: sizes.filterHeight * sizes.filterWidth * sizes.outChannels,
    batch: 1,
    views: () => ({
      left: outputPatches(sizes),
      right: filterTransposed(sizes),
    }),
  }, {
    left: tensors.dy,
    right: tensors.filter,
    stored: tensors.stored,
    outputShape: [batch, inHeight, inWidth, inChannels],
  });
}

/** Gradient of a convolution with respect to its filter. */
export function directFilterGradient(
  backend: WebGPUBackend,
  tensors: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
  key: string,
): TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = sizes;
  const depth = sizes.batch * sizes.outHeight * sizes.outWidth;
  return runProduct(backend, {
    key: `${key} product`,
    rows: filterHeight * filterWidth * inChannels,
    columns: outChannels,
    depth,
    batch: 1,
    views: () => ({
      left: inputTaps(sizes),
      right: matrix({ outer: outChannels, depth, along: "outer" }),
    }),
  }, {
    left: tensors.x,
    right: tensors.dy,
    outputShape: [filterHeight, filterWidth, inChannels, outChannels],
  });
}
