/** Convolution and its gradients: directly, as matrix products, or by Winograd's tiles. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { memo } from "../../memo.ts";
import type { ConvSizes } from "../../sizes.ts";
import { type Product, runProduct } from "../gemm/product.ts";
import { matrix } from "../gemm/view.ts";
import type { StoredType } from "../run/recorder.ts";
import {
  type AdapterTraits,
  type Operation,
  runOperation,
  traitsOf,
  type Way,
} from "../run/ways.ts";
import type { ConvEpilogue } from "../wgsl/wgsl.ts";
import {
  filterTransposed,
  inputPatches,
  inputTaps,
  outputPatches,
} from "./conv_view.ts";
import {
  type ByTiles,
  type ConvOptions,
  countAllTiles,
  fitsWinograd,
  tileSizes,
  winogradFilterGradient,
  winogradForward,
  winogradInputGradient,
} from "./winograd.ts";

/** A convolution or a gradient of one: the same two ways to compute each. */
interface ConvKind {
  /** What keys begin with. */
  readonly name: string;
  /** It as a matrix product, of the first tensor and the second. */
  product(s: ConvSizes): Omit<Product, "key">;
  outputShape(s: ConvSizes): number[];
  readonly byTiles: ByTiles;
}

/** The convolution and its gradients. */
export const KINDS = {
  forward: {
    name: "conv2d",
    product(s) {
      const depth = s.filterHeight * s.filterWidth * s.inChannels;
      return {
        rows: s.batch * s.outHeight * s.outWidth,
        columns: s.outChannels,
        depth,
        batch: 1,
        views: () => ({
          left: inputPatches(s),
          right: matrix({ outer: s.outChannels, depth, along: "outer" }),
        }),
      };
    },
    outputShape: (s) => [s.batch, s.outHeight, s.outWidth, s.outChannels],
    byTiles: winogradForward,
  },
  inputGradient: {
    name: "conv2d input gradient",
    product: (s) => ({
      rows: s.batch * s.inHeight * s.inWidth,
      columns: s.inChannels,
      depth: s.filterHeight * s.filterWidth * s.outChannels,
      batch: 1,
      views: () => ({ left: outputPatches(s), right: filterTransposed(s) }),
    }),
    outputShape: (s) => [s.batch, s.inHeight, s.inWidth, s.inChannels],
    byTiles: winogradInputGradient,
  },
  filterGradient: {
    name: "conv2d filter gradient",
    product(s) {
      const depth = s.batch * s.outHeight * s.outWidth;
      return {
        rows: s.filterHeight * s.filterWidth * s.inChannels,
        columns: s.outChannels,
        depth,
        batch: 1,
        views: () => ({
          left: inputTaps(s),
          right: matrix({ outer: s.outChannels, depth, along: "outer" }),
        }),
      };
    },
    outputShape(s) {
      return [s.filterHeight, s.filterWidth, s.inChannels, s.outChannels];
    },
    byTiles: winogradFilterGradient,
  },
} satisfies Record<string, ConvKind>;

/** Convolution: `[batch, inHeight, inWidth, inChannels]` to `[batch, outHeight, outWidth, outChannels]`. */
export function conv2dForward(
  backend: WebGPUBackend,
  { x, filter, bias, activation, stored }:
    & { x: TensorInfo; filter: TensorInfo }
    & ConvEpilogue,
  sizes: ConvSizes,
): TensorInfo {
  const tensors = bias === undefined ? [x, filter] : [x, filter, bias];
  return runConv(backend, KINDS.forward, tensors, {
    sizes,
    activation,
    stored,
  });
}

/** Gradient of a convolution with respect to its input. */
export function conv2dInputGradient(
  backend: WebGPUBackend,
  { dy, filter, stored }: {
    dy: TensorInfo;
    filter: TensorInfo;
    stored?: StoredType;
  },
  sizes: ConvSizes,
): TensorInfo {
  return runConv(backend, KINDS.inputGradient, [dy, filter], { sizes, stored });
}

/** Gradient of a convolution with respect to its filter. */
export function conv2dFilterGradient(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  sizes: ConvSizes,
): TensorInfo {
  return runConv(backend, KINDS.filterGradient, [x, dy], { sizes });
}

/** Per adapter as it is or is pretended to be, by their keys. */
const operations = memo<Operation<ConvOptions>>();

function runConv(
  backend: WebGPUBackend,
  kind: ConvKind,
  tensors: readonly TensorInfo[],
  { sizes, ...options }: ConvOptions & { sizes: ConvSizes },
): TensorInfo {
  const traits = traitsOf(backend);
  const key = convKey(kind.name, sizes);
  const operation = operations(traits, key, () => ({
    key,
    what: describeConv(kind.name, sizes),
    ways: convWays(kind, sizes, traits),
  }));
  return runOperation(backend, operation, tensors, options);
}

/** Names a convolution. */
export function convKey(operation: string, s: ConvSizes): string {
  return `${operation},${s.batch},${s.inHeight},${s.inWidth},${s.inChannels},` +
    `${s.outHeight},${s.outWidth},${s.outChannels},` +
    `${s.filterHeight},${s.filterWidth},${s.strideHeight},${s.strideWidth},` +
    `${s.padTop},${s.padLeft}`;
}

/** Says what a convolution is in words, such as "conv2d 11x11, strides 4x4, 16 images of 224x224x1 to 54x54x96". */
export function describeConv(operation: string, s: ConvSizes): string {
  return `${operation} ${s.filterHeight}x${s.filterWidth}, ` +
    `strides ${s.strideHeight}x${s.strideWidth}, ${s.batch} images of ` +
    `${s.inHeight}x${s.inWidth}x${s.inChannels} to ` +
    `${s.outHeight}x${s.outWidth}x${s.outChannels}`;
}

/**
 * Fewest tiles and channels for which tiles are the usual way of a software adapter: with less, transforming the filters
 * costs more than is saved.
 */
const WORTHWHILE = { tiles: 64, channels: 32 };

/** The ways to compute a convolution or a gradient: tiles are usual on software adapters, and GPUs compute directly. */
export function convWays(
  kind: ConvKind,
  s: ConvSizes,
  traits: AdapterTraits,
): Way<ConvOptions>[] {
  const key = convKey(kind.name, s);
  // The product is an operation of its own, with ways of its own.
  const product = { ...kind.product(s), key: `${key} product` };
  const outputShape = kind.outputShape(s);
  const direct: Way<ConvOptions> = {
    name: "direct",
    fits: true,
    run: (backend, [left, right, bias], options) =>
      runProduct(backend, product, {
        ...options,
        left,
        right,
        bias,
        outputShape,
      }),
  };
  const tiles = tileSizes(s).map((m): Way<ConvOptions> => ({
    name: `winograd ${m}x${m}`,
    fits: fitsWinograd(s, m, traits.maxBindingBytes),
    run: (backend, tensors, options) =>
      kind.byTiles(backend, tensors, { sizes: s, m, key }, options),
  }));
  // With 3 taps a tile of 6 saves little more than one of 4, and its filters are larger.
  const best = tiles.filter(({ name }) => name === "winograd 4x4");
  const isWorthwhile = traits.isSoftware &&
    countAllTiles(s, 4) >= WORTHWHILE.tiles &&
    Math.min(s.inChannels, s.outChannels) >= WORTHWHILE.channels;
  const usual = isWorthwhile ? [...best, direct] : [direct];
  return [...usual, ...tiles.filter((way) => !usual.includes(way))];
}
