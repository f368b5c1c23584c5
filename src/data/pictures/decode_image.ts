/**
 * Decodes PNG and JPEG files. What a file says of itself is compared with what there is of it, before memory is asked for on its
 * word. Where a JPEG file has fewer values of color than pixels, they are repeated: libjpeg interpolates.
 *
 * The message of every error completes "it is ...".
 *
 * @module
 */

import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { unzlibSync } from "fflate";
import { decode as decodeJpeg } from "jpeg-js";
import { reasonOf } from "../../reason.ts";
import type { Image } from "../dataset.ts";
import { join } from "../gz_file.ts";
import {
  imageOf,
  type Orientation,
  type Pixels,
  requireSize,
} from "./pixels.ts";

/** Decodes a PNG or JPEG file to an image of bytes, without alpha and not turned as EXIF says. */
export function decodeImage(bytes: Uint8Array, channels: 1 | 3): Image {
  return imageOf(decodePixels(bytes), channels);
}

/** Decodes a PNG or JPEG file, as its first bytes say. */
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

/** Decoders throw errors of any kind when a file is not as they expect. */
function attempt(decode: () => Pixels): Pixels {
  try {
    return decode();
  } catch (error) {
    const isSaid = error instanceof Error && !(error instanceof TypeError);
    throw new Error(`it is damaged${isSaid ? `: ${error.message}` : ""}`);
  }
}

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const CHUNK_BYTES = 12;

/** A chunk, as it lies in the PNG file. */
interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** All of it: length, type, data and checksum. */
  readonly whole: Uint8Array;
}

/**
 * Checks a PNG file: its chunks lie within it, its size is one that is read, and its pixels inflate to what that size
 * takes and no more. The decoder checks the checksums. Returns the file without an embedded color profile, as decoders
 * inflate that to whatever it claims to be.
 */
export function checkPng(png: Uint8Array): Uint8Array {
  const chunks = chunksOf(png);
  const header = pngHeaderOf(chunks);
  requireSize(header);
  checkPixels(chunks, header);
  const kept = chunks.filter(({ type }) => type !== "iCCP");
  if (kept.length === chunks.length) return png;
  return join([
    png.subarray(0, SIGNATURE_BYTES),
    ...kept.map(({ whole }) => whole),
  ]);
}

function chunksOf(png: Uint8Array): Chunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  let start = SIGNATURE_BYTES;
  while (chunks.at(-1)?.type !== "IEND") {
    const dataStart = start + 8;
    const end = dataStart <= png.length
      ? start + CHUNK_BYTES + view.getUint32(start)
      : Infinity;
    if (end > png.length) {
      throw new Error(
        `it is truncated: the chunk at byte ${start} goes beyond its ${png.length} bytes`,
      );
    }
    chunks.push({
      type: String.fromCharCode(...png.subarray(start + 4, dataStart)),
      data: png.subarray(dataStart, end - 4),
      whole: png.subarray(start, end),
    });
    start = end;
  }
  return chunks;
}

/** Colour type of pixels that are numbers of colours. */
const PALETTE = 3;

/** Values per pixel of each colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const CHANNELS = new Map([[0, 1], [2, 3], [3, 1], [4, 2], [6, 4]]);

/** What the header of a PNG file says. */
interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly isInterlaced: boolean;
}

function pngHeaderOf(chunks: readonly Chunk[]): PngHeader {
  const [{ type, data }, ...others] = chunks;
  const has = (type: string) => others.some((chunk) => chunk.type === type);
  if (type !== "IHDR" || data.length !== 13 || has("IHDR")) {
    throw new Error("it is damaged: its first chunk must be its one header");
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [depth, colorType, , , interlacing] = data.subarray(8);
  const channels = CHANNELS.get(colorType);
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth)) {
    throw new Error(
      `it is damaged: there is no color type ${colorType} of ${depth} bits per value`,
    );
  }
  if (colorType === PALETTE && !has("PLTE")) {
    // fast-png takes the numbers for grey.
    throw new Error("it is damaged: it has a palette image and no palette");
  }
  const isInterlaced = interlacing === 1;
  if (isInterlaced && depth < 8) {
    // fast-png reads the passes of such files as if every value had a byte.
    throw new Error(
      `it is an interlaced PNG of ${depth} bits per value, which is not supported`,
    );
  }
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  return { width, height, depth, channels, isInterlaced };
}

/** Most bytes that a byte of deflate stands for: https://zlib.net/zlib_tech.html. */
const MAX_RATIO = 1032;

function checkPixels(chunks: readonly Chunk[], header: PngHeader): void {
  const stored = join(
    chunks.flatMap(({ type, data }) => type === "IDAT" ? data : []),
  );
  const expected = numBytesOf(header);
  const size = `${header.width}x${header.height}`;
  if (expected > MAX_RATIO * stored.length) {
    throw new Error(
      `it is truncated or damaged: ${size} pixels cannot be in ${stored.length} bytes`,
    );
  }
  let found: number;
  try {
    // One byte more than expected shows that there are too many; further ones are not stored.
    const out = new Uint8Array(expected + 1);
    found = unzlibSync(stored, { out }).length;
  } catch (error) {
    throw new Error(
      `it is damaged: its pixels cannot be inflated (${reasonOf(error)})`,
    );
  }
  if (found !== expected) {
    throw new Error(
      `it is damaged: ${size} pixels take ${expected} bytes, and there are ${
        found > expected ? "more" : found
      }`,
    );
  }
}

/** Where the seven passes of an interlaced image begin and how far they step: x, y, across, down. */
const ADAM7: readonly (readonly number[])[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Bytes of all rows, each with the byte that names its filter. */
function numBytesOf(header: PngHeader): number {
  const { width, height, depth, channels, isInterlaced } = header;
  const passes = isInterlaced ? ADAM7 : [[0, 0, 1, 1]];
  return passes.reduce((sum, [x, y, across, down]) => {
    const columns = Math.ceil(Math.max(0, width - x) / across);
    const rows = Math.ceil(Math.max(0, height - y) / down);
    const rowBytes = Math.ceil(columns * channels * depth / 8);
    return columns === 0 ? sum : sum + rows * (1 + rowBytes);
  }, 0);
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

/** What is known of a JPEG file. */
interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** Whether its values are red, green and blue, and not luma and differences of color. */
  readonly isRgb: boolean;
  readonly orientation: Orientation;
}

/** What stands between two markers of a JPEG file. */
interface Segment {
  readonly marker: number;
  readonly data: Uint8Array;
}

const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const END = 0xd9;
const SCAN = 0xda;

/** Most pixels that a byte stands for: in the first scan of a progressive file, a block of 64 pixels takes at least a bit. */
const MAX_PIXELS_PER_BYTE = 64 * 8;

/** Reads and checks what precedes the pixels of a JPEG file. */
export function readJpegHeader(jpeg: Uint8Array): JpegHeader {
  const segments = segmentsOf(jpeg);
  const size = jpegSizeOf(segments);
  requireSize(size);
  if (size.width * size.height > MAX_PIXELS_PER_BYTE * jpeg.length) {
    throw new Error(
      `it is truncated or damaged: ${size.width}x${size.height} pixels cannot be in ${jpeg.length} bytes`,
    );
  }
  const exif = segments.find(({ marker, data }) =>
    marker === APP1 && isNamed(data, "Exif\0\0")
  );
  return {
    ...size,
    isRgb: hasRgbValues(segments),
    orientation: exif ? exifOrientation(exif.data.subarray(6)) : 1,
  };
}

/** Lists the segments before the first scan. */
function segmentsOf(jpeg: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 4 <= jpeg.length) {
    const [first, marker] = jpeg.subarray(at);
    if (first !== 0xff) {
      throw new Error(`it is damaged: there is no marker at byte ${at}`);
    }
    // Any number of bytes of ones may precede a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === SCAN || marker === END) return segments;
    const end = at + 2 + 256 * jpeg[at + 2] + jpeg[at + 3];
    if (end > jpeg.length) break;
    segments.push({ marker, data: jpeg.subarray(at + 4, end) });
    at = end;
  }
  throw new Error(
    `it is truncated: what is at byte ${at} goes beyond its ${jpeg.length} bytes`,
  );
}

/** Start of frame: baseline, extended, progressive. */
const SUPPORTED_FRAMES: readonly number[] = [0xc0, 0xc1, 0xc2];

/** Markers between 0xc0 and 0xcf that start no frame: tables, reserved, arithmetic coding. */
const NO_FRAMES: readonly number[] = [0xc4, 0xc8, 0xcc];

function jpegSizeOf(
  segments: readonly Segment[],
): { width: number; height: number } {
  const frames = segments.filter(({ marker }) =>
    marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.includes(marker)
  );
  if (frames.length !== 1 || frames[0].data.length < 6) {
    throw new Error(
      `it is damaged: it must have one frame before its pixels, and has ${frames.length}`,
    );
  }
  const [{ marker, data }] = frames;
  if (!SUPPORTED_FRAMES.includes(marker) || data[0] !== 8) {
    throw new Error(
      `it is a JPEG of type ${marker - 0xc0} with ${
        data[0]
      } bits per value, which is not supported`,
    );
  }
  return { height: 256 * data[1] + data[2], width: 256 * data[3] + data[4] };
}

/** Whether Adobe's marker says that values are red, green and blue, which jpeg-js ignores. JFIF files never are. */
function hasRgbValues(segments: readonly Segment[]): boolean {
  for (const { marker, data } of segments) {
    if (marker === APP0 && isNamed(data, "JFIF")) return false;
    if (marker === APP14 && isNamed(data, "Adobe")) return data[11] === 0;
  }
  return false;
}

function isNamed(data: Uint8Array, name: string): boolean {
  return String.fromCharCode(...data.subarray(0, name.length)) === name;
}

/** The tag of TIFF for which side is up, as cameras store pixels as their sensor lies; and its type, a 16-bit integer. */
const ORIENTATION = { tag: 0x0112, type: 3 };

const ENTRY_BYTES = 12;

/** Finds the orientation in what EXIF says; 1 where there is none. However damaged it is, the image is not refused. */
export function exifOrientation(tiff: Uint8Array): Orientation {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8) return 1;
  const isLittle = tiff[0] === 0x49;
  const start = view.getUint32(4, isLittle);
  if (start + 2 > tiff.length) return 1;
  const count = view.getUint16(start, isLittle);
  for (let i = 0; i < count; i++) {
    const at = start + 2 + i * ENTRY_BYTES;
    if (at + ENTRY_BYTES > tiff.length) return 1;
    if (view.getUint16(at, isLittle) !== ORIENTATION.tag) continue;
    const type = view.getUint16(at + 2, isLittle);
    const value = view.getUint16(at + 8, isLittle);
    const isKnown = type === ORIENTATION.type && value >= 1 && value <= 8;
    return isKnown ? value as Orientation : 1;
  }
  return 1;
}
