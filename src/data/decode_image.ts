/**
 * PNG and JPEG files to images of bytes with one or three channels, converted as Pillow's `convert("L")` and
 * `convert("RGB")` do. Where a JPEG file has fewer values of color than pixels, they are repeated: libjpeg interpolates.
 *
 * @module
 */

import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import type { Image } from "./dataset.ts";

/** Pixels, row after row: grey or RGB, with or without alpha. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
  readonly channels: number;
  /** Bits per value. */
  readonly depth: number;
}

/**
 * Decodes a file.
 *
 * @param bytes The whole file, PNG or JPEG: which is read from its first bytes.
 * @param channels 1 for grey (ITU-R 601-2 luma), 3 for red, green and blue. Alpha is dropped, of 16 bits the upper 8 stay.
 * @returns uint8 `[height, width, channels]`.
 * @throws {Error} If the bytes are neither, or are damaged.
 */
export function decodeImage(bytes: Uint8Array, channels: 1 | 3): Image {
  const pixels = _decode(bytes);
  const { width, height } = pixels;
  const data = channels === 1 ? _grey(pixels) : _colors(pixels);
  return { data, width, height, channels, maxValue: 255 };
}

function _decode(bytes: Uint8Array): Pixels {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) {
    _checkInterlaced(bytes);
    const { palette: colors, ...png } = decodePng(bytes, { checkCrc: true });
    // A palette of an image with colors of its own is but a suggestion.
    const isIndexed = colors !== undefined && png.channels === 1;
    if (png.depth >= 8 && !isIndexed) return png;
    // Several pixels to a byte, or places in a palette: of greys, if there is none.
    const top = 2 ** png.depth - 1;
    const palette = colors ??
      Array.from({ length: top + 1 }, (_, i) => [i * 255 / top]);
    const data = convertIndexedToRgb(
      { ...png, palette } as Parameters<typeof convertIndexedToRgb>[0],
    );
    return { ...png, data, channels: palette[0].length, depth: 8 };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const options = {
      useTArray: true as const,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform: _isRgbJpeg(bytes) ? false : undefined,
    };
    return { ...decodeJpeg(bytes, options), channels: 3, depth: 8 };
  }
  throw new Error("it is neither PNG nor JPEG");
}

/** fast-png reads the passes of such files as if every value had a byte, and then says that they are damaged. */
function _checkInterlaced(png: Uint8Array): void {
  const [depth, isInterlaced] = [png[24], png[28] === 1];
  if (isInterlaced && depth < 8) {
    throw new Error(
      `it is an interlaced PNG of ${depth} bits per value, which is not supported`,
    );
  }
}

/** Whether Adobe's marker says that values are red, green and blue, which jpeg-js does not heed; JFIF has none such. */
function _isRgbJpeg(jpeg: Uint8Array): boolean {
  const isNamed = (at: number, name: string): boolean =>
    String.fromCharCode(...jpeg.subarray(at, at + name.length)) === name;
  let at = 2;
  while (jpeg[at] === 0xff && jpeg[at + 1] !== 0xda) {
    if (jpeg[at + 1] === 0xe0 && isNamed(at + 4, "JFIF")) return false;
    if (jpeg[at + 1] === 0xee && isNamed(at + 4, "Adobe")) {
      return jpeg[at + 15] === 0;
    }
    at += 2 + 256 * jpeg[at + 2] + jpeg[at + 3];
  }
  return false;
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
