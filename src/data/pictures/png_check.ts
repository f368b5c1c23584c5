/**
 * What a PNG file says of itself, compared with what there is of it, before memory is asked for on its word.
 *
 * @module
 */

import { unzlibSync } from "fflate";
import { reasonOf } from "../../reason.ts";
import { requireSize } from "./pixels.ts";

/** Colour type of pixels that are numbers of colours. */
const PALETTE = 3;

/** Values per pixel of each colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const CHANNELS = new Map([[0, 1], [2, 3], [3, 1], [4, 2], [6, 4]]);

const DEPTHS: readonly number[] = [1, 2, 4, 8, 16];

/** Where the seven passes of an interlaced image begin and how far they step: x, y, across, down. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Most bytes that a byte of deflate stands for: https://zlib.net/zlib_tech.html. */
const MAX_RATIO = 1032;

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const CHUNK_BYTES = 12;

/** A chunk, as it lies in the file. */
interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** All of it: length, type, data and checksum. */
  readonly whole: Uint8Array;
}

/** What the header says. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly isInterlaced: boolean;
}

/**
 * Checks a PNG file: its chunks lie within it, its size is one that is read, and its pixels inflate to what that size
 * takes and no more. The decoder checks the checksums. Returns the file without an embedded color profile, as decoders
 * inflate that to whatever it claims to be. The message of an error completes "it is ...".
 */
export function checkPng(png: Uint8Array): Uint8Array {
  const chunks = chunksOf(png);
  const header = headerOf(chunks);
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

function headerOf(chunks: readonly Chunk[]): Header {
  const [{ type, data }, ...others] = chunks;
  if (
    type !== "IHDR" || data.length !== 13 ||
    others.some((chunk) => chunk.type === "IHDR")
  ) {
    throw new Error("it is damaged: its first chunk must be its one header");
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [depth, colorType, , , interlacing] = data.subarray(8);
  const channels = CHANNELS.get(colorType);
  if (channels === undefined || !DEPTHS.includes(depth)) {
    throw new Error(
      `it is damaged: there is no color type ${colorType} of ${depth} bits per value`,
    );
  }
  if (colorType === PALETTE && !others.some((c) => c.type === "PLTE")) {
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
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth,
    channels,
    isInterlaced,
  };
}

function checkPixels(chunks: readonly Chunk[], header: Header): void {
  const parts = chunks.flatMap(({ type, data }) => type === "IDAT" ? data : []);
  const numStored = parts.reduce((sum, { length }) => sum + length, 0);
  const expected = numBytes(header);
  const { width, height } = header;
  if (expected > MAX_RATIO * numStored) {
    throw new Error(
      `it is truncated or damaged: ${width}x${height} pixels cannot be in ${numStored} bytes`,
    );
  }
  // One byte more than expected shows that there are too many; further ones are not stored.
  const found = inflate(join(parts), expected + 1);
  if (found !== expected) {
    throw new Error(
      `it is damaged: ${width}x${height} pixels take ${expected} bytes, and there are ${
        found > expected ? "more" : found
      }`,
    );
  }
}

/** Bytes of all rows, each with the byte that names its filter. */
function numBytes(header: Header): number {
  const { width, height, depth, channels, isInterlaced } = header;
  const passes = isInterlaced ? ADAM7 : [[0, 0, 1, 1] as const];
  return passes.reduce((sum, [x, y, across, down]) => {
    const columns = Math.ceil(Math.max(0, width - x) / across);
    const rows = Math.ceil(Math.max(0, height - y) / down);
    const rowBytes = Math.ceil(columns * channels * depth / 8);
    return columns === 0 ? sum : sum + rows * (1 + rowBytes);
  }, 0);
}

/** How many bytes there are, at most `maxBytes`. */
function inflate(stored: Uint8Array, maxBytes: number): number {
  try {
    const out = unzlibSync(stored, { out: new Uint8Array(maxBytes) });
    return Math.min(out.length, maxBytes);
  } catch (error) {
    throw new Error(
      `it is damaged: its pixels cannot be inflated (${reasonOf(error)})`,
    );
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
