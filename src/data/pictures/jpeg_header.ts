/**
 * What a JPEG file says of itself before its pixels, compared with what there is of it, before memory is asked for on its
 * word. Cameras store pixels as their sensor lies, and note in EXIF which side is up.
 *
 * @module
 */

import { type Orientation, requireSize } from "./pixels.ts";

/** What is known of a JPEG file. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** Whether its values are red, green and blue, and not luma and differences of color. */
  readonly isRgb: boolean;
  /** How it is to be turned. */
  readonly orientation: Orientation;
}

/** Start of frame: baseline, extended, progressive. */
const SUPPORTED_FRAMES: readonly number[] = [0xc0, 0xc1, 0xc2];

/** Markers between 0xc0 and 0xcf that start no frame: tables, reserved, arithmetic coding. */
const NO_FRAMES: readonly number[] = [0xc4, 0xc8, 0xcc];

const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const END = 0xd9;
const SCAN = 0xda;

/** Most pixels that a byte stands for: in the first scan of a progressive file, a block of 64 pixels takes at least a bit. */
const MAX_PIXELS_PER_BYTE = 64 * 8;

/** What stands between two markers. */
interface Segment {
  readonly marker: number;
  readonly data: Uint8Array;
}

/** Reads and checks what precedes the pixels of a JPEG file. The message of an error completes "it is ...". */
export function readJpegHeader(jpeg: Uint8Array): JpegHeader {
  const segments = segmentsOf(jpeg);
  const size = sizeOf(segments);
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

function sizeOf(
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
  const [depth, ...bytes] = data.subarray(0, 5);
  if (!SUPPORTED_FRAMES.includes(marker) || depth !== 8) {
    throw new Error(
      `it is a JPEG of type ${
        marker - 0xc0
      } with ${depth} bits per value, which is not supported`,
    );
  }
  const [height, width] = [
    256 * bytes[0] + bytes[1],
    256 * bytes[2] + bytes[3],
  ];
  return { width, height };
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

/** The tag of TIFF that holds it, and its type, a 16-bit integer. */
const TAG = 0x0112;
const SHORT = 3;

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
    if (view.getUint16(at, isLittle) !== TAG) continue;
    const type = view.getUint16(at + 2, isLittle);
    const value = view.getUint16(at + 8, isLittle);
    const isKnown = type === SHORT && value >= 1 && value <= 8;
    return isKnown ? value as Orientation : 1;
  }
  return 1;
}
