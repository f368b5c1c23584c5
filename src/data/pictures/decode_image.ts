/**
 * Decodes PNG and JPEG files. A file's own words about its size are compared with its bytes before memory is asked for.
 * If a JPEG file has fewer values of color than pixels, they are repeated, while libjpeg interpolates.
 *
 * The message of every error completes "it is ...".
 */

import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { unzlibSync } from "fflate";
import { decode as decodeJpeg } from "jpeg-js";
import type { Extent } from "../../device/sizes.ts";
import { reasonOf } from "../../reason.ts";
import type { Image } from "../dataset.ts";
import { join } from "../gz_file.ts";
import {
  formatOfOne,
  type Orientation,
  type PictureForm,
  pictureOf,
  type Pixels,
  requireSize,
} from "./pixels.ts";

/** Decodes a PNG or JPEG file to a picture, for training and for prediction. */
export function decodeImage(bytes: Uint8Array, form: PictureForm): Image {
  return pictureOf(decodePixels(bytes), form);
}

/** Decodes a PNG or JPEG file; its first bytes say which it is. */
export function decodePixels(bytes: Uint8Array): Pixels {
  return formatOfOne(bytes) === "png" ? pngPixels(bytes) : jpegPixels(bytes);
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
    // Pixels are less than a byte, or numbers of colors in a palette. Without a palette, they are greys.
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

/** Decoders throw errors of any kind if a file is not as they expect. */
function attempt(decode: () => Pixels): Pixels {
  try {
    return decode();
  } catch (error) {
    const isSaid = error instanceof Error && !(error instanceof TypeError);
    throw new Error(`it is damaged${isSaid ? `: ${error.message}` : ""}`);
  }
}

const SIGNATURE_BYTES = 8;

/** A chunk of a PNG file. */
interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** All of it: length, type, data and checksum. */
  readonly whole: Uint8Array;
}

/**
 * Checks that the chunks of a PNG file lie within it, that it is not too large, and that its pixels inflate to what its size
 * takes and no more. The decoder checks the checksums. Returns the file without an embedded color profile, as decoders
 * inflate a profile to whatever size it claims.
 */
export function checkPng(png: Uint8Array): Uint8Array {
  const chunks = chunksOf(png);
  const header = pngHeaderOf(chunks);
  requireSize(header);
  checkPixels(chunks, header);
  const kept = chunks.filter(({ type }) => type !== "iCCP");
  if (kept.length === chunks.length) return png;
  const signature = png.subarray(0, SIGNATURE_BYTES);
  return join([signature, ...kept.map(({ whole }) => whole)]);
}

function chunksOf(png: Uint8Array): Chunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  let start = SIGNATURE_BYTES;
  while (chunks.at(-1)?.type !== "IEND") {
    // Length and type come before the data, and a checksum of four bytes after them.
    const dataStart = start + 8;
    const end = dataStart <= png.length
      ? dataStart + view.getUint32(start) + 4
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

/** Where the seven passes of an interlaced image begin, and how far they step. */
const ADAM7 = {
  left: [0, 4, 0, 2, 0, 1, 0],
  top: [0, 0, 4, 0, 2, 0, 1],
  across: [8, 8, 4, 4, 2, 2, 1],
  down: [8, 8, 8, 4, 4, 2, 2],
};
const ONE_PASS = { left: [0], top: [0], across: [1], down: [1] };

/** Reads the size of a PNG file, and counts the bytes of its rows, each with the byte that names its filter. */
function pngHeaderOf(
  chunks: readonly Chunk[],
): Extent & { numBytes: number } {
  const [{ type, data }, ...others] = chunks;
  const has = (type: string) => others.some((chunk) => chunk.type === type);
  if (type !== "IHDR" || data.length !== 13 || has("IHDR")) {
    throw new Error("it is damaged: its first chunk must be its one header");
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
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
  if (interlacing === 1 && depth < 8) {
    // fast-png reads the passes of such files as if every value had a byte.
    throw new Error(
      `it is an interlaced PNG of ${depth} bits per value, which is not supported`,
    );
  }
  const { left, top, across, down } = interlacing === 1 ? ADAM7 : ONE_PASS;
  const numBytes = left.reduce((sum, _, pass) => {
    const columns = Math.ceil(Math.max(0, width - left[pass]) / across[pass]);
    const rows = Math.ceil(Math.max(0, height - top[pass]) / down[pass]);
    const rowBytes = 1 + Math.ceil(columns * channels * depth / 8);
    return columns === 0 ? sum : sum + rows * rowBytes;
  }, 0);
  return { width, height, numBytes };
}

/** Most bytes that a byte of deflate stands for: https://zlib.net/zlib_tech.html. */
const MAX_RATIO = 1032;

function checkPixels(
  chunks: readonly Chunk[],
  { width, height, numBytes }: ReturnType<typeof pngHeaderOf>,
): void {
  const stored = join(
    chunks.flatMap(({ type, data }) => type === "IDAT" ? data : []),
  );
  const pixels = `${width}x${height} pixels`;
  if (numBytes > MAX_RATIO * stored.length) {
    throw new Error(
      `it is truncated or damaged: ${pixels} cannot be in ${stored.length} bytes`,
    );
  }
  let found: number;
  try {
    // One byte more shows that there are too many; further ones are not stored.
    const out = new Uint8Array(numBytes + 1);
    found = unzlibSync(stored, { out }).length;
  } catch (error) {
    throw new Error(
      `it is damaged: its pixels cannot be inflated (${reasonOf(error)})`,
    );
  }
  if (found === numBytes) return;
  const count = found > numBytes ? "more" : found;
  throw new Error(
    `it is damaged: ${pixels} take ${numBytes} bytes, and there are ${count}`,
  );
}

function jpegPixels(bytes: Uint8Array): Pixels {
  const { width, height, isRgb, orientation } = readJpegHeader(bytes);
  return attempt(() => {
    const decoded = decodeJpeg(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform: isRgb ? false : undefined,
      // Frames that come later may not be larger. The decoder multiplies by 1000 twice, which may round below the number of
      // pixels: so half a pixel is added. It takes 4 bytes for each of up to 4 values per pixel, 3 for the
      // result, and some for tables and for blocks beyond the edges.
      maxResolutionInMP: (width * height + 0.5) / 1e6,
      maxMemoryUsageInMB: 16 + width * height * 32 / 2 ** 20,
    });
    return { ...decoded, channels: 3, depth: 8, orientation };
  });
}

/** What stands between two markers of a JPEG file. */
interface Segment {
  readonly marker: number;
  readonly data: Uint8Array;
  /** The first characters of the data, which name what an application put there. */
  readonly name: string;
}

const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const END = 0xd9;
const SCAN = 0xda;

/** Most pixels that a byte stands for: in the first scan of a progressive file, a block of 64 pixels takes at least a bit. */
const MAX_PIXELS_PER_BYTE = 64 * 8;

/** Reads and checks what precedes the pixels of a JPEG file. */
export function readJpegHeader(jpeg: Uint8Array): Extent & {
  /** Whether its values are red, green and blue, and not luma and differences of color. */
  isRgb: boolean;
  orientation: Orientation;
} {
  const segments = segmentsOf(jpeg);
  const size = jpegSizeOf(segments);
  const { width, height } = size;
  requireSize(size);
  if (width * height > MAX_PIXELS_PER_BYTE * jpeg.length) {
    throw new Error(
      `it is truncated or damaged: ${width}x${height} pixels cannot be in ${jpeg.length} bytes`,
    );
  }
  // Adobe's marker may say that values are red, green and blue, which jpeg-js ignores. JFIF files never have such values.
  const format = segments.find(({ marker, name }) =>
    (marker === APP0 && name.startsWith("JFIF")) ||
    (marker === APP14 && name.startsWith("Adobe"))
  );
  const isRgb = format?.marker === APP14 && format.data[11] === 0;
  const exif = segments.find(({ marker, name }) =>
    marker === APP1 && name === "Exif\0\0"
  );
  const orientation = exif ? exifOrientation(exif.data.subarray(6)) : 1;
  return { ...size, isRgb, orientation };
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
    const data = jpeg.subarray(at + 4, end);
    const name = String.fromCharCode(...data.subarray(0, 6));
    segments.push({ marker, data, name });
    at = end;
  }
  throw new Error(
    `it is truncated: what is at byte ${at} goes beyond its ${jpeg.length} bytes`,
  );
}

/** Markers between 0xc0 and 0xcf that start no frame: tables, reserved, arithmetic coding. */
const NO_FRAMES: readonly number[] = [0xc4, 0xc8, 0xcc];

function jpegSizeOf(segments: readonly Segment[]): Extent {
  const frames = segments.filter(({ marker }) =>
    marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.includes(marker)
  );
  if (frames.length !== 1 || frames[0].data.length < 6) {
    throw new Error(
      `it is damaged: it must have one frame before its pixels, and has ${frames.length}`,
    );
  }
  const [{ marker, data }] = frames;
  // Baseline, extended and progressive are supported.
  const [type, depth] = [marker - 0xc0, data[0]];
  if (type > 2 || depth !== 8) {
    throw new Error(
      `it is a JPEG of type ${type} with ${depth} bits per value, which is not supported`,
    );
  }
  return { height: 256 * data[1] + data[2], width: 256 * data[3] + data[4] };
}

/** The tag of TIFF that says which side is up, and its type, a 16-bit integer. Cameras store pixels as their sensor lies. */
const ORIENTATION = { tag: 0x0112, type: 3 };

const ENTRY_BYTES = 12;

/** Finds the orientation in EXIF data; 1 if it has none. An image with damaged EXIF data is not refused. */
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
