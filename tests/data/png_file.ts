/** PNG files put together chunk by chunk, as no encoder would. */

import { zlibSync } from "fflate";

/** What the header of a PNG file says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits per value. Default 8. */
  readonly depth?: number;
  /** 0 is grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. Default 0. */
  readonly colorType?: number;
  /** Default false. */
  readonly isInterlaced?: boolean;
}

/** What comes before the chunks. */
export const SIGNATURE: readonly number[] = [
  ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
];

/** Writes a chunk, with the right length and checksum. */
export function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** Writes the chunk of the header. */
export function ihdr(header: PngHeader): Uint8Array {
  const { width, height, depth = 8, colorType = 0 } = header;
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  data.set([depth, colorType, 0, 0, header.isInterlaced ? 1 : 0], 8);
  return chunk("IHDR", data);
}

/** Writes a file. */
export function pngFile(
  header: PngHeader,
  { rows, chunks = [] }: { rows: Uint8Array; chunks?: readonly Uint8Array[] },
): Uint8Array<ArrayBuffer> {
  return joined([
    Uint8Array.from(SIGNATURE),
    ihdr(header),
    ...chunks,
    chunk("IDAT", zlibSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** Puts bytes one after the other. */
export function joined(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The checksum of PNG, https://www.w3.org/TR/png/#D-CRCAppendix, bit by bit. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
    }
  }
  return ~crc >>> 0;
}
