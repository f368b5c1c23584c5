/** JPEG files for tests. */

import { encode } from "jpeg-js";

/** Writes a grey JPEG file. */
export function jpegFile(
  { width, height }: { width: number; height: number },
  greyAt: (y: number, x: number) => number,
): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 4);
    return i % 4 === 3 ? 255 : greyAt(Math.floor(pixel / width), pixel % width);
  });
  // What it gives is a Buffer, whose slices share its memory.
  return Uint8Array.from(encode({ data, width, height }, 90).data);
}

/** Adds what a camera notes of how it was held. */
export function withOrientation(
  jpeg: Uint8Array,
  orientation: number,
): Uint8Array<ArrayBuffer> {
  const exif = [
    ...[0xff, 0xe1, 0, 34],
    ...new TextEncoder().encode("Exif\0\0II*\0"),
    ...[8, 0, 0, 0, 1, 0],
    ...[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0],
    ...[0, 0, 0, 0],
  ];
  return Uint8Array.of(...jpeg.subarray(0, 2), ...exif, ...jpeg.subarray(2));
}
