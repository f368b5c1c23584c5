/**
 * Decodes PNG and JPEG files. Where a JPEG file has fewer values of color than pixels, they are repeated: libjpeg
 * interpolates.
 *
 * @module
 */

import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import type { Image } from "../dataset.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { imageOf, type Pixels } from "./pixels.ts";
import { checkPng } from "./png_check.ts";

/** Decodes a PNG or JPEG file to an image of bytes, without alpha and not turned as EXIF says. */
export function decodeImage(bytes: Uint8Array, channels: 1 | 3): Image {
  return imageOf(decodePixels(bytes), channels);
}

/** Decodes a PNG or JPEG file, as its first bytes say. The message of an error completes "it is ...". */
export function decodePixels(bytes: Uint8Array): Pixels {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return pngPixels(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegPixels(bytes);
  throw new Error("it is neither PNG nor JPEG");
}

function pngPixels(bytes: Uint8Array): Pixels {
  const checked = checkPng(bytes);
  return attempt(() => {
    const { palette: colors, transparency, ...png } = decodePng(checked, {
      checkCrc: true,
    });
    const transparent = transparency && Array.from(transparency);
    // Where pixels have colors of their own, a palette only suggests some.
    const isIndexed = colors !== undefined && png.channels === 1;
    if (png.depth >= 8 && !isIndexed) return { ...png, transparent };
    // Pixels of less than a byte, or numbers of colors in a palette. Without a palette, they are greys.
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

function jpegPixels(bytes: Uint8Array): Pixels {
  const { width, height, isRgb, orientation } = readJpegHeader(bytes);
  return attempt(() => {
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

/** Decoders throw errors of any kind when a file is not as they expect. */
function attempt(decode: () => Pixels): Pixels {
  try {
    return decode();
  } catch (error) {
    const isSaid = error instanceof Error && !(error instanceof TypeError);
    throw new Error(`it is damaged${isSaid ? `: ${error.message}` : ""}`);
  }
}
