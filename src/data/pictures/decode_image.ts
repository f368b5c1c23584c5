/**
 * PNG and JPEG files to images of bytes with one or three channels, converted as Pillow's `convert("L")` and
 * `convert("RGB")` do. Where a JPEG file has fewer values of color than pixels, they are repeated: libjpeg interpolates.
 *
 * @module
 */

import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import type { Image } from "../dataset.ts";
import type { Orientation } from "./exif_orientation.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkPng } from "./png_check.ts";

/** Pixels, row after row: grey or RGB, with or without alpha. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
  /** Values per pixel: 1 is grey, 3 are red, green and blue; 2 and 4 end with alpha. */
  readonly channels: number;
  /** Bits per value. */
  readonly depth: number;
  /** The one color that is transparent, if any: a value per channel. */
  readonly transparent?: readonly number[];
  /** How the pixels are to be turned. Default: not at all. */
  readonly orientation?: Orientation;
}

/**
 * Decodes a file.
 *
 * @param bytes The whole file, PNG or JPEG: which is read from its first bytes.
 * @param channels 1 for grey (ITU-R 601-2 luma), 3 for red, green and blue. Alpha is dropped, of 16 bits the upper 8 stay.
 * @returns uint8 `[height, width, channels]`, as it is stored: not turned as EXIF says.
 * @throws {Error} If the bytes are neither, are damaged, or have more than 2^26 pixels.
 */
export function decodeImage(bytes: Uint8Array, channels: 1 | 3): Image {
  return imageOf(decodePixels(bytes), channels);
}

/**
 * Decodes a file to the pixels that it has.
 *
 * @param bytes The whole file, PNG or JPEG: which is read from its first bytes.
 * @returns Its pixels.
 * @throws {Error} If the bytes are neither, are damaged, or have more than 2^26 pixels; the message completes "it is ...".
 */
export function decodePixels(bytes: Uint8Array): Pixels {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return _decodePng(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return _decodeJpeg(bytes);
  throw new Error("it is neither PNG nor JPEG");
}

function _decodePng(bytes: Uint8Array): Pixels {
  const checked = checkPng(bytes);
  return _attempt(() => {
    const { palette: colors, transparency, ...png } = decodePng(checked, {
      checkCrc: true,
    });
    const transparent = transparency && Array.from(transparency);
    // A palette of an image with colors of its own is but a suggestion.
    const isIndexed = colors !== undefined && png.channels === 1;
    if (png.depth >= 8 && !isIndexed) return { ...png, transparent };
    // Several pixels to a byte, or places in a palette: of greys, if there is none.
    const scale = 255 / (2 ** png.depth - 1);
    const palette = colors ??
      Array.from({ length: 2 ** png.depth }, (_, i) => [i * scale]);
    const data = convertIndexedToRgb(
      { ...png, palette } as Parameters<typeof convertIndexedToRgb>[0],
    );
    return {
      ...png,
      ...{ data, channels: palette[0].length, depth: 8 },
      transparent: transparent?.map((grey) => grey * scale),
    };
  });
}

function _decodeJpeg(bytes: Uint8Array): Pixels {
  const { width, height, isRgb, orientation } = readJpegHeader(bytes);
  return _attempt(() => {
    const decoded = decodeJpeg(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform: isRgb ? false : undefined,
      // Frames that come later may not be larger. It takes 4 bytes for each of up to 4 values per pixel, and 3 for the result;
      // and some for tables and for blocks beyond the edges.
      maxResolutionInMP: width * height / 1e6,
      maxMemoryUsageInMB: 16 + width * height * 32 / 2 ** 20,
    });
    return { ...decoded, channels: 3, depth: 8, orientation };
  });
}

/** Decoders that do not expect what they find fail in all ways. */
function _attempt(decode: () => Pixels): Pixels {
  try {
    return decode();
  } catch (error) {
    const isSaid = error instanceof Error && !(error instanceof TypeError);
    throw new Error(`it is damaged${isSaid ? `: ${error.message}` : ""}`);
  }
}

/**
 * Converts pixels to an image.
 *
 * @param pixels The pixels.
 * @param channels 1 for grey (ITU-R 601-2 luma), 3 for red, green and blue. Alpha is dropped, of 16 bits the upper 8 stay.
 * @returns uint8 `[height, width, channels]`, not turned.
 */
export function imageOf(pixels: Pixels, channels: 1 | 3): Image {
  const { width, height } = pixels;
  const data = channels === 1 ? _grey(pixels) : _colors(pixels);
  return { data, width, height, channels, maxValue: 255 };
}

/**
 * Looks up how opaque pixels are.
 *
 * @param pixels The pixels.
 * @returns uint8 `[height, width]`: 0 is transparent, 255 opaque; undefined where all are opaque.
 */
export function alphaOf(pixels: Pixels): Uint8Array | undefined {
  const { width, height, data, channels, depth, transparent } = pixels;
  const numPixels = width * height;
  if (channels % 2 === 0) {
    return Uint8Array.from(
      { length: numPixels },
      (_, i) => data[i * channels + channels - 1] >> (depth - 8),
    );
  }
  if (transparent === undefined) return;
  return Uint8Array.from({ length: numPixels }, (_, i) => {
    const isOpaque = transparent.some((value, c) =>
      data[i * channels + c] !== value
    );
    return isOpaque ? 255 : 0;
  });
}

function _colors(
  { width, height, data, channels, depth }: Pixels,
): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  const green = channels > 2 ? 1 : 0;
  for (let i = 0, from = 0; i < out.length; i += 3, from += channels) {
    out[i] = data[from] >> (depth - 8);
    out[i + 1] = data[from + green] >> (depth - 8);
    out[i + 2] = data[from + 2 * green] >> (depth - 8);
  }
  return out;
}

function _grey(pixels: Pixels): Uint8Array {
  const colors = _colors(pixels);
  // Pillow's rounding of 0.299 R + 0.587 G + 0.114 B, https://github.com/python-pillow/Pillow (libImaging/Convert.c, L24).
  return Uint8Array.from(
    { length: colors.length / 3 },
    (_, i) =>
      (colors[3 * i] * 19595 + colors[3 * i + 1] * 38470 +
        colors[3 * i + 2] * 7471 + 0x8000) >> 16,
  );
}
