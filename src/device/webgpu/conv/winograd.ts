/**
 * Convolution of stride 1 by Winograd's minimal filtering: tiles and filters are transformed, multiplied place by place as
 * a batch of matrix products, and transformed back.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { memo } from "../../memo.ts";
import {
  type ConvSizes,
  cutImages,
  type ImagePart,
  imageStep,
} from "../../sizes.ts";
import { type Product, runProduct } from "../gemm/product.ts";
import { matrix } from "../gemm/view.ts";
import {
  dispatch,
  imagesOf,
  makeOutput,
  type Program,
  programOf,
} from "../run/dispatch.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import { addInPlace } from "../update/update_in_place.ts";
import type { ConvEpilogue, Epilogue } from "../wgsl/wgsl.ts";
import {
  countTiles,
  MOST_PLACES,
  type Pass,
  placesToPlaces,
  productsToTiles,
  type TiledImages,
  tilesToPlaces,
  winogradMatrices,
} from "./winograd_shaders.ts";

/** A convolution to compute by tiles. */
export interface TiledConvolution {
  /** Its sizes, which `fitsWinograd`. */
  readonly sizes: ConvSizes;
  /** Outputs of a tile along each direction: of the forward pass, or elements of the gradient that has the input's size. */
  readonly m: number;
  /** Names the operation and all sizes. */
  readonly key: string;
}

/** Convolution by tiles. */
export function winogradForward(
  backend: WebGPUBackend,
  { x, ...tensors }: { x: TensorInfo; filter: TensorInfo } & ConvEpilogue,
  tiled: TiledConvolution,
): TensorInfo {
  return filterImages(backend, { ...tensors, from: x }, tiled, "forward");
}

/**
 * Gradient of a convolution with respect to its input, by tiles: a convolution of `dy` with the filter turned around.
 */
export function winogradInputGradient(
  backend: WebGPUBackend,
  { dy, ...tensors }: {
    dy: TensorInfo;
    filter: TensorInfo;
    stored?: StoredType;
  },
  tiled: TiledConvolution,
): TensorInfo {
  return filterImages(backend, { ...tensors, from: dy }, tiled, "turned");
}

/** A transform that is ready to run. */
interface ReadyPass {
  readonly program: Program;
  readonly shape: readonly number[];
}

/** A filtering that is ready to run. */
interface FilteringPlan {
  readonly taps: ReadyPass;
  readonly shape: readonly number[];
  readonly parts: readonly {
    readonly part: ImagePart;
    readonly inputs: ReadyPass;
    readonly products: Product;
    readonly outputs: ReadyPass;
  }[];
}

/** Per adapter as it is or is pretended to be. */
const filterings = memo<FilteringPlan>();

/** Transforms tiles, multiplies them with transformed filters and transforms the products to tiles of the output. */
function filterImages(
  backend: WebGPUBackend,
  { from, filter, bias, activation, stored }:
    & { from: TensorInfo; filter: TensorInfo }
    & ConvEpilogue,
  { sizes, m, key }: TiledConvolution,
  direction: "forward" | "turned",
): TensorInfo {
  const epilogue = { hasBias: bias !== undefined, activation };
  const isHalf = stored === "float16" || isAnyHalf(backend, from);
  const plan = filterings(
    traitsOf(backend),
    `${key},${m},${direction},${isHalf},${epilogue.hasBias},${activation}`,
    () => planFiltering(backend, sizes, m, { direction, isHalf, epilogue }),
  );
  const taps = run(backend, plan.taps, [filter]);
  const output = makeOutput(backend, plan.shape, stored);
  const rest = bias === undefined ? [] : [bias];
  for (const { part, inputs, products, outputs } of plan.parts) {
    const left = run(backend, inputs, [imagesOf(from, part)]);
    const sums = multiplyPlaces(backend, products, { left, right: taps });
    run(backend, outputs, [sums, ...rest], imagesOf(output, part));
    backend.disposeData(sums.dataId);
  }
  backend.disposeData(taps.dataId);
  return output;
}

function planFiltering(
  backend: WebGPUBackend,
  s: ConvSizes,
  m: number,
  { direction, isHalf, epilogue }: {
    direction: "forward" | "turned";
    isHalf: boolean;
    epilogue: Epilogue;
  },
): FilteringPlan {
  const r = s.filterHeight;
  const { input, filter, turnedFilter, output } = winogradMatrices(m, r);
  const maxBytes = traitsOf(backend).maxBindingBytes;
  const isForward = direction === "forward";
  const taps = isForward ? filter : turnedFilter;
  const [from, to] = isForward
    ? [inputOf(s), outputOf(s)]
    : [outputOf(s), inputOf(s)];
  // Rows and columns before the image where the first tile begins.
  const [top, left] = isForward
    ? [s.padTop, s.padLeft]
    : [r - 1 - s.padTop, r - 1 - s.padLeft];
  const places = taps.rows.length ** 2;
  const filters = [places, s.inChannels, s.outChannels];
  return {
    taps: prepare(backend, placesToPlaces(filters, taps)),
    shape: [s.batch, to.height, to.width, to.channels],
    parts: tiledParts(s, m, { maxBytes, isHalf }).map((part) => {
      const tiling = tilingOf(to, { images: part.count, m });
      const read = { ...tiling, ...from, top, left };
      const written: TiledImages = { ...tiling, ...to, top: 0, left: 0 };
      return {
        part,
        inputs: prepare(backend, tilesToPlaces(read, input)),
        products: productOf({
          places,
          rows: countTiles(written),
          columns: to.channels,
          depth: from.channels,
          left: "depth",
          right: isForward ? "outer" : "depth",
        }),
        outputs: prepare(backend, productsToTiles(written, output, epilogue)),
      };
    }),
  };
}

/** A gradient of the filter that is ready to run. */
interface GradientPlan {
  readonly parts: readonly {
    readonly part: ImagePart;
    readonly inputs: ReadyPass;
    readonly gradients: ReadyPass;
    readonly products: Product;
  }[];
  readonly output: ReadyPass;
}

/** Per adapter as it is or is pretended to be. */
const gradients = memo<GradientPlan>();

/**
 * Gradient of a convolution with respect to its filter, by tiles: the filter's taps are the outputs, and a tile of `dy` is
 * the filter.
 */
export function winogradFilterGradient(
  backend: WebGPUBackend,
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  { sizes, m, key }: TiledConvolution,
): TensorInfo {
  const isHalf = isAnyHalf(backend, x, dy);
  const plan = gradients(
    traitsOf(backend),
    `${key},${m},${isHalf}`,
    () => planGradient(backend, sizes, m, isHalf),
  );
  let sums: TensorInfo | undefined;
  for (const { part, inputs, gradients, products } of plan.parts) {
    const left = run(backend, inputs, [imagesOf(x, part)]);
    const right = run(backend, gradients, [imagesOf(dy, part)]);
    const terms = multiplyPlaces(backend, products, { left, right });
    backend.disposeData(right.dataId);
    if (sums === undefined) {
      sums = terms;
    } else {
      addInPlace(backend, sums, terms);
      backend.disposeData(terms.dataId);
    }
  }
  const gradient = run(backend, plan.output, [sums!]);
  backend.disposeData(sums!.dataId);
  return gradient;
}

function planGradient(
  backend: WebGPUBackend,
  s: ConvSizes,
  m: number,
  isHalf: boolean,
): GradientPlan {
  const r = s.filterHeight;
  const { input, filter, output } = winogradMatrices(r, m);
  const maxBytes = traitsOf(backend).maxBindingBytes;
  const [images, gradients] = [inputOf(s), outputOf(s)];
  const shape = [r, r, s.inChannels, s.outChannels];
  return {
    parts: tiledParts(s, m, { maxBytes, isHalf }).map((part) => {
      const tiling = tilingOf(gradients, { images: part.count, m });
      const read = { ...tiling, ...images, top: s.padTop, left: s.padLeft };
      const tiles: TiledImages = { ...tiling, ...gradients, top: 0, left: 0 };
      return {
        part,
        inputs: prepare(backend, tilesToPlaces(read, input)),
        gradients: prepare(backend, tilesToPlaces(tiles, filter)),
        products: productOf({
          places: input.rows.length ** 2,
          rows: s.inChannels,
          columns: s.outChannels,
          depth: countTiles(tiles),
          left: "outer",
          right: "outer",
        }),
      };
    }),
    output: prepare(backend, placesToPlaces(shape, output)),
  };
}

/** Whether images that are read store float16. */
function isAnyHalf(
  backend: WebGPUBackend,
  ...images: readonly TensorInfo[]
): boolean {
  return images.some((tensor) => storedType(backend, tensor) === "float16");
}

function prepare(
  backend: WebGPUBackend,
  { key, size, shape, write }: Pass,
): ReadyPass {
  const source = sourceOfPass(traitsOf(backend), size);
  const program = programOf(backend, `${key},${source}`, () => write(source));
  return { program, shape };
}

function run(
  backend: WebGPUBackend,
  { program, shape }: ReadyPass,
  inputs: readonly TensorInfo[],
  output: TensorInfo = makeOutput(backend, shape),
): TensorInfo {
  dispatch(backend, program, [output, ...inputs]);
  return output;
}

/** The products of all places, from how many there are of which size, and how the operands lie. */
function productOf(
  p: {
    places: number;
    rows: number;
    columns: number;
    depth: number;
    left: "depth" | "outer";
    right: "depth" | "outer";
  },
): Product {
  const { places, rows, columns, depth } = p;
  const view = (outer: number, along: "depth" | "outer") =>
    matrix({ outer, depth, along, batchStride: outer * depth });
  return {
    key: `places,${Object.values(p)}`,
    rows,
    columns,
    depth,
    batch: places,
    views: () => ({
      left: view(rows, p.left),
      right: view(columns, p.right),
    }),
  };
}

/** Multiplies the matrices of all places, and frees the left operands. */
function multiplyPlaces(
  backend: WebGPUBackend,
  product: Product,
  tensors: { left: TensorInfo; right: TensorInfo },
): TensorInfo {
  const { batch, rows, columns } = product;
  const outputShape = [batch, rows, columns];
  const products = runProduct(backend, product, { ...tensors, outputShape });
  backend.disposeData(tensors.left.dataId);
  return products;
}

/**
 * Most bytes of a tensor of transformed tiles, where the adapter does not bind less: larger batches are computed in parts.
 */
const MOST_BYTES = 128 * 2 ** 20;

/** The same for images that store float16: less, to save as much memory, although tiles are float32. */
const MOST_HALF_BYTES = 48 * 2 ** 20;

const BYTES_PER_FLOAT = 4;

/** Sides of the tiles that are worth measuring: of 8 and of 6 places or, where those have no side of 2, the smallest tile. */
export function tileSizes({ filterHeight }: ConvSizes): number[] {
  const sides = [MOST_PLACES, MOST_PLACES - 2]
    .map((places) => places - filterHeight + 1).filter((m) => m > 1);
  return sides.length > 0 ? sides : [2];
}

/** Whether a convolution can be computed by tiles of `m` by `m` or, in a few words, why not. */
export function fitsWinograd(
  s: ConvSizes,
  m: number,
  maxBytes: number,
): true | string {
  const r = s.filterHeight;
  if (r !== s.filterWidth) return `filter of ${r}x${s.filterWidth}`;
  if (r === 1) return "filter of 1x1";
  if (m + r - 1 > MOST_PLACES) {
    return `filter of ${r}x${r}: more than ${MOST_PLACES} places`;
  }
  if (s.strideHeight !== 1 || s.strideWidth !== 1) return "stride above 1";
  if (s.inChannels % 4 !== 0 || s.outChannels % 4 !== 0) {
    return "channels not in fours";
  }
  if (s.padTop >= r || s.padLeft >= r) return "padding of a whole filter";
  // Of the transformed filter, and of the products of the filter's gradient.
  const filterBytes = BYTES_PER_FLOAT * (m + r - 1) ** 2 * s.inChannels *
    s.outChannels;
  const tileBytes = stepOf(s) * bytesPerImage(s, m);
  const fits = filterBytes <= maxBytes &&
    tileBytes <= Math.min(MOST_BYTES, maxBytes);
  return fits || "more bytes than can be bound";
}

interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

function inputOf(s: ConvSizes): ImageSize {
  return { height: s.inHeight, width: s.inWidth, channels: s.inChannels };
}

function outputOf(s: ConvSizes): ImageSize {
  return { height: s.outHeight, width: s.outWidth, channels: s.outChannels };
}

/** Tiles of `m` by `m` that cover images, side by side. */
function tilingOf(
  { height, width }: ImageSize,
  { images, m }: { images: number; m: number },
): Pick<TiledImages, "images" | "tilesDown" | "tilesAcross" | "stride"> {
  return {
    images,
    tilesDown: Math.ceil(height / m),
    tilesAcross: Math.ceil(width / m),
    stride: m,
  };
}

/** Bytes per image of the larger of the tensors of transformed tiles, in either direction. */
function bytesPerImage(s: ConvSizes, m: number): number {
  const channels = Math.max(s.inChannels, s.outChannels);
  const tiles = [inputOf(s), outputOf(s)].map(({ height, width }) =>
    Math.ceil(height / m) * Math.ceil(width / m)
  );
  const places = (m + s.filterHeight - 1) ** 2;
  return BYTES_PER_FLOAT * places * channels * Math.max(...tiles);
}

/** The multiple of images that parts begin at. */
function stepOf(s: ConvSizes, isHalf = false): number {
  return imageStep(
    [inputOf(s), outputOf(s)].map((i) => i.height * i.width * i.channels),
    isHalf ? 2 : 4,
  );
}

/** The batch in parts whose transformed tiles are not too large. */
export function tiledParts(
  s: ConvSizes,
  m: number,
  { maxBytes, isHalf }: { maxBytes: number; isHalf: boolean },
): ImagePart[] {
  const bytes = bytesPerImage(s, m);
  const step = stepOf(s, isHalf);
  const most = isHalf ? Math.max(MOST_HALF_BYTES, step * bytes) : MOST_BYTES;
  return cutImages(s.batch, {
    size: bytes / BYTES_PER_FLOAT,
    step,
    maxBytes: Math.min(most, maxBytes),
  });
}

/** Tiles of the output of all images. */
export function countAllTiles(s: ConvSizes, m: number): number {
  const { tilesDown, tilesAcross } = tilingOf(outputOf(s), { images: 1, m });
  return s.batch * tilesDown * tilesAcross;
}
