/**
 * How a photograph is to be turned: cameras store pixels as their sensor lies and note in EXIF which side is up.
 *
 * @module
 */

import type { Image } from "../dataset.ts";

/** Where the first row and the first column of the stored pixels belong, as numbered by EXIF; 1 is as it is stored. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

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

/** Turns and mirrors an image to stand upright, as Pillow's `ImageOps.exif_transpose` does. */
export function turnUpright(image: Image, orientation: Orientation): Image {
  if (orientation === 1) return image;
  const { data, channels } = image;
  const isSwapped = orientation >= 5;
  const [height, width] = isSwapped
    ? [image.width, image.height]
    : [image.height, image.width];
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBelow = [3, 4, 6, 7].includes(orientation);
  const out = data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [down, across] = isSwapped ? [x, y] : [y, x];
      const row = fromBelow ? image.height - 1 - down : down;
      const column = fromRight ? image.width - 1 - across : across;
      const from = (row * image.width + column) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = data[from + c];
    }
  }
  return { ...image, data: out, height, width };
}
