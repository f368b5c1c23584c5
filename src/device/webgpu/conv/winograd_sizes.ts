/**
 * What Winograd convolution cuts images into, and which convolutions it is for.
 *
 * @module
 */

import { type ConvSizes, imageStep } from "../../sizes.ts";
import { cutImages, type ImagePart } from "./image_parts.ts";
import { MOST_PLACES } from "./winograd_matrices.ts";
import type { TiledImages } from "./winograd_shaders.ts";

/**
 * Most bytes of a tensor of transformed tiles, where the adapter does not bind less: larger batches are computed in parts.
 */
const MOST_BYTES = 128 * 2 ** 20;

/** The same for images that store float16: less, to save as much memory, although tiles are float32. */
const MOST_HALF_BYTES = 48 * 2 ** 20;

const BYTES_PER_FLOAT = 4;

/**
 * Whether a convolution can be computed by tiles.
 *
 * @param s Sizes of the convolution.
 * @param m Outputs of a tile along each direction.
 * @param maxBytes Most bytes that the adapter binds.
 * @returns Whether it can.
 */
export function fitsWinograd(
  s: ConvSizes,
  m: number,
  maxBytes: number,
): boolean {
  const r = s.filterHeight;
  const step = _stepOf(s);
  return r === s.filterWidth && r > 1 && m + r - 1 <= MOST_PLACES &&
    s.strideHeight === 1 && s.strideWidth === 1 &&
    s.inChannels % 4 === 0 && s.outChannels % 4 === 0 &&
    s.padTop < r && s.padLeft < r &&
    _filterBytes(s, m) <= maxBytes &&
    step * _bytesPerImage(s, m) <= Math.min(MOST_BYTES, maxBytes);
}

/** Height, width and channels of images. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images of the input. */
export function inputOf(s: ConvSizes): ImageSize {
  return { height: s.inHeight, width: s.inWidth, channels: s.inChannels };
}

/** Images of the output. */
export function outputOf(s: ConvSizes): ImageSize {
  return { height: s.outHeight, width: s.outWidth, channels: s.outChannels };
}

/** Tiles of `m` by `m` that cover images, side by side. */
export function tilingOf(
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
function _bytesPerImage(s: ConvSizes, m: number): number {
  const channels = Math.max(s.inChannels, s.outChannels);
  const tiles = [inputOf(s), outputOf(s)].map(({ height, width }) =>
    Math.ceil(height / m) * Math.ceil(width / m)
  );
  const places = (m + s.filterHeight - 1) ** 2;
  return BYTES_PER_FLOAT * places * channels * Math.max(...tiles);
}

/** Bytes of the transformed filter, and of the products of the filter's gradient. */
function _filterBytes(s: ConvSizes, m: number): number {
  const places = (m + s.filterHeight - 1) ** 2;
  return BYTES_PER_FLOAT * places * s.inChannels * s.outChannels;
}

/** The multiple of images that parts begin at. */
function _stepOf(s: ConvSizes, isHalf = false): number {
  return imageStep(
    [inputOf(s), outputOf(s)].map((i) => i.height * i.width * i.channels),
    isHalf ? 2 : 4,
  );
}

/** The batch in parts whose transformed tiles are not too large. */
export function partsOf(
  s: ConvSizes,
  m: number,
  { maxBytes, isHalf }: { maxBytes: number; isHalf: boolean },
): ImagePart[] {
  const bytes = _bytesPerImage(s, m);
  const step = _stepOf(s, isHalf);
  const most = isHalf ? Math.max(MOST_HALF_BYTES, step * bytes) : MOST_BYTES;
  return cutImages(s.batch, {
    size: bytes / BYTES_PER_FLOAT,
    step,
    maxBytes: Math.min(most, maxBytes),
  });
}

/** Tiles of the output of all images. */
export function countAllTiles(s: ConvSizes, m: number): number {
  const { images, tilesDown, tilesAcross } = tilingOf(outputOf(s), {
    images: s.batch,
    m,
  });
  return images * tilesDown * tilesAcross;
}
