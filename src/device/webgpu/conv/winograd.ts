/**
 * Convolution of stride 1 by Winograd's minimal filtering: tiles and filters are transformed, multiplied place by place as
 * a batch of matrix products, and transformed back.
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
import { runProduct } from "../gemm/product.ts";
import { matrix } from "../gemm/view.ts";
import { dispatch, imagesOf, makeOutput, programOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
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
interface TiledConvolution {
  /** Its sizes, which `fitsWinograd`. */
  readonly sizes: ConvSizes;
  /** Outputs of a tile along each direction: of the forward pass, or elements of the gradient that has the input's size. */
  readonly m: number;
  /** Names the operation and all sizes. */
  readonly key: string;
}

/** What does not decide how a convolution is computed. */
export type ConvOptions = Pick<ConvEpilogue, "activation" | "stored">;

/** Computes a convolution or a gradient by tiles. */
export type ByTiles = (
  backend: WebGPUBackend,
  tensors: readonly TensorInfo[],
  tiled: TiledConvolution,
  options: ConvOptions,
) => TensorInfo;

/** Convolution by tiles, of the input, the filter and, if there is one, the bias. */
export const winogradForward: ByTiles = (...call) =>
  filterImages("forward", ...call);

/** Gradient of a convolution by its input, by tiles: a convolution of `dy` with the filter turned around. */
export const winogradInputGradient: ByTiles = (...call) =>
  filterImages("turned", ...call);

/** Per adapter as it is or is pretended to be. */
const filterings = memo<ReturnType<typeof planFiltering>>();

/** Transforms tiles, multiplies them with transformed filters and transforms the products to tiles of the output. */
function filterImages(
  direction: "forward" | "turned",
  ...[backend, [from, filter, ...bias], tiled, options]: Parameters<ByTiles>
): TensorInfo {
  const { sizes, m, key } = tiled;
  const { activation, stored } = options;
  const epilogue = { hasBias: bias.length > 0, activation };
  const isHalf = stored === "float16" || isAnyHalf(backend, from);
  const plan = filterings(
    traitsOf(backend),
    `${key},${m},${direction},${isHalf},${epilogue.hasBias},${activation}`,
    () => planFiltering(backend, sizes, m, { direction, isHalf, epilogue }),
  );
  const taps = plan.taps(backend, [filter]);
  const output = makeOutput(backend, plan.shape, stored);
  for (const { part, inputs, products, outputs } of plan.parts) {
    const left = inputs(backend, [imagesOf(from, part)]);
    const sums = products(backend, left, taps);
    backend.disposeData(left.dataId);
    outputs(backend, [sums, ...bias], imagesOf(output, part));
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
) {
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
      const { count } = part;
      const read = cutTiles(from, to, { count, m, top, left });
      const written = cutTiles(to, to, { count, m });
      return {
        part,
        inputs: prepare(backend, tilesToPlaces(read, input)),
        products: placeProducts({
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

/** Per adapter as it is or is pretended to be. */
const gradients = memo<ReturnType<typeof planGradient>>();

/**
 * Gradient of a convolution with respect to its filter, by tiles: the filter's taps are the outputs, and a tile of `dy` is
 * the filter.
 */
export const winogradFilterGradient: ByTiles = (
  backend,
  [x, dy],
  { sizes, m, key },
) => {
  const isHalf = isAnyHalf(backend, x, dy);
  const plan = gradients(
    traitsOf(backend),
    `${key},${m},${isHalf}`,
    () => planGradient(backend, sizes, m, isHalf),
  );
  let sums: TensorInfo | undefined;
  for (const { part, inputs, gradients, products } of plan.parts) {
    const left = inputs(backend, [imagesOf(x, part)]);
    const right = gradients(backend, [imagesOf(dy, part)]);
    const terms = products(backend, left, right);
    for (const { dataId } of [left, right]) backend.disposeData(dataId);
    if (sums === undefined) {
      sums = terms;
    } else {
      addInPlace(backend, sums, terms);
      backend.disposeData(terms.dataId);
    }
  }
  const gradient = plan.output(backend, [sums!]);
  backend.disposeData(sums!.dataId);
  return gradient;
};

function planGradient(
  backend: WebGPUBackend,
  s: ConvSizes,
  m: number,
  isHalf: boolean,
) {
  const r = s.filterHeight;
  const { input, filter, output } = winogradMatrices(r, m);
  const maxBytes = traitsOf(backend).maxBindingBytes;
  const [images, gradients] = [inputOf(s), outputOf(s)];
  const shape = [r, r, s.inChannels, s.outChannels];
  return {
    parts: tiledParts(s, m, { maxBytes, isHalf }).map((part) => {
      const { count } = part;
      const first = { top: s.padTop, left: s.padLeft };
      const read = cutTiles(images, gradients, { count, m, ...first });
      const tiles = cutTiles(gradients, gradients, { count, m });
      return {
        part,
        inputs: prepare(backend, tilesToPlaces(read, input)),
        gradients: prepare(backend, tilesToPlaces(tiles, filter)),
        products: placeProducts({
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

/** Makes a transform ready to run. */
function prepare(
  backend: WebGPUBackend,
  { key, size, shape, write }: Pass,
) {
  const source = sourceOfPass(traitsOf(backend), size);
  const program = programOf(backend, `${key},${source}`, () => write(source));
  return (
    backend: WebGPUBackend,
    inputs: readonly TensorInfo[],
    output: TensorInfo = makeOutput(backend, shape),
  ) => {
    dispatch(backend, program, [output, ...inputs]);
    return output;
  };
}

/** The products of all places, ready to run, from their sizes and how their operands lie. */
function placeProducts(p: {
  places: number;
  rows: number;
  columns: number;
  depth: number;
  left: "depth" | "outer";
  right: "depth" | "outer";
}) {
  const { places: batch, rows, columns, depth } = p;
  const view = (outer: number, along: "depth" | "outer") =>
    matrix({ outer, depth, along, batchStride: outer * depth });
  const key = `places,${Object.values(p)}`;
  const views = () => ({
    left: view(rows, p.left),
    right: view(columns, p.right),
  });
  const product = { key, rows, columns, depth, batch, views };
  const outputShape = [batch, rows, columns];
  return (backend: WebGPUBackend, left: TensorInfo, right: TensorInfo) =>
    runProduct(backend, product, { left, right, outputShape });
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
  if (s.strideHeight !== 1 || s.strideWidth !== 1) return "stride above 1";
  if (r !== s.filterWidth || r === 1) return "filter not square, or 1x1";
  if (m + r - 1 > MOST_PLACES) return "filter too large";
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

type ImageSize = Pick<TiledImages, "height" | "width" | "channels">;

function inputOf(s: ConvSizes): ImageSize {
  return { height: s.inHeight, width: s.inWidth, channels: s.inChannels };
}

function outputOf(s: ConvSizes): ImageSize {
  return { height: s.outHeight, width: s.outWidth, channels: s.outChannels };
}

/** Images, and tiles of them: as many as of `m` by `m` cover images of another size, side by side. */
function cutTiles(
  images: ImageSize,
  { height, width }: ImageSize,
  { count, m, top = 0, left = 0 }: {
    count: number;
    m: number;
    top?: number;
    left?: number;
  },
): TiledImages {
  return {
    images: count,
    tilesDown: Math.ceil(height / m),
    tilesAcross: Math.ceil(width / m),
    stride: m,
    ...images,
    top,
    left,
  };
}

/** Bytes per image of the larger of the tensors of transformed tiles, in either direction. */
function bytesPerImage(s: ConvSizes, m: number): number {
  const channels = Math.max(s.inChannels, s.outChannels);
  const tiles = [inputOf(s), outputOf(s)].map((size) =>
    countTiles(cutTiles(size, size, { count: 1, m }))
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
  const size = outputOf(s);
  return countTiles(cutTiles(size, size, { count: s.batch, m }));
}
