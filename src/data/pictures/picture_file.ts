/**
 * Files of pictures: PNG and JPEG, which hold one, and IDX, which holds many.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import type { Pixels } from "./decode_image.ts";
import type { Orientation } from "./exif_orientation.ts";
import { parseIdx } from "../idx.ts";
import { MAX_PIXELS } from "./image_size.ts";
import { decompress } from "../read_file.ts";

/** What a file of pictures can be. */
export type PictureFormat = "png" | "jpeg" | "idx";

/** A picture as it is in its file. */
export interface Picture {
  /** uint8 `[height, width, channels]`, without alpha and not turned. */
  readonly image: Image;
  /** uint8 `[height, width]`: 0 is transparent, 255 opaque; undefined where all of it is opaque. */
  readonly alpha?: Uint8Array;
  /** How it is to be turned. */
  readonly orientation: Orientation;
}

/** The pictures of a file. */
export interface Pictures {
  /** Number of pictures. */
  readonly length: number;
  /** What the file is. */
  readonly format: PictureFormat;
  /** Gets one, by an index in [0, length). */
  readonly get: (index: number) => Picture;
}

/** How files begin that people have pictures in and that cannot be read: offset, characters, name. */
const FOREIGN: readonly (readonly [number, string, string])[] = [
  [0, "GIF8", "a GIF"],
  [0, "BM", "a BMP"],
  [0, "II*\0", "a TIFF"],
  [0, "MM\0*", "a TIFF"],
  [8, "WEBP", "a WebP"],
  [4, "ftypavif", "an AVIF"],
  [4, "ftyphei", "a HEIC"],
  [4, "ftypmif1", "a HEIC"],
  [0, "<svg", "an SVG"],
  [0, "%PDF", "a PDF"],
];

/**
 * Opens a file of pictures: which kind is read from its first bytes.
 *
 * @param bytes The whole file; IDX may be gz.
 * @param options Where the bytes come from, for messages; and 1 for grey (ITU-R 601-2 luma), 3 for red, green and blue.
 * @returns The pictures: those of PNG and JPEG are decoded by now.
 * @throws {DataError} If the file is damaged, too large or something else.
 */
export async function openPictures(
  bytes: Uint8Array<ArrayBuffer>,
  options: { path: string; channels: 1 | 3 },
): Promise<Pictures> {
  const { path, channels } = options;
  const { alphaOf, decodePixels, imageOf } = await import("./decode_image.ts");
  const pictureOf = (pixels: Pixels): Picture => ({
    image: imageOf(pixels, channels),
    alpha: alphaOf(pixels),
    orientation: pixels.orientation ?? 1,
  });
  try {
    const plain = decompress(bytes);
    const format = _formatOf(plain);
    if (format === "idx") {
      const { length, get } = _openIdx(plain, path);
      return { length, format, get: (i) => pictureOf(get(i)) };
    }
    const picture = pictureOf(decodePixels(plain));
    return { length: 1, format, get: () => picture };
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      path,
      `Cannot read ${path} as an image (${reason}): name a PNG, JPEG or IDX file`,
    );
  }
}

function _formatOf(bytes: Uint8Array): PictureFormat {
  const isAt = (offset: number, characters: string): boolean => {
    const found = bytes.subarray(offset, offset + characters.length);
    return String.fromCharCode(...found) === characters;
  };
  if (bytes.length === 0) throw new Error("it is empty");
  if (isAt(0, "\x89PNG")) return "png";
  if (isAt(0, "\xff\xd8")) return "jpeg";
  if (isAt(0, "\0\0")) return "idx";
  for (const [offset, characters, name] of FOREIGN) {
    if (isAt(offset, characters)) {
      throw new Error(`it is ${name} file, which has to be converted first`);
    }
  }
  throw new Error("it is neither PNG nor JPEG nor IDX");
}

function _openIdx(
  bytes: Uint8Array,
  path: string,
): { length: number; get: (index: number) => Pixels } {
  const { shape, data } = parseIdx(bytes, { path });
  const [length, height, width, channels = 1] = shape;
  if (![3, 4].includes(shape.length) || channels > 4) {
    throw new DataError(
      path,
      `Cannot use ${path} as images: expected shape [count, height, width] (or with 1 to 4 channels), found [${shape}]: name the file of the images`,
    );
  }
  if (height * width > MAX_PIXELS) {
    throw new Error(
      `its images are too large: ${width}x${height} pixels, and at most ${MAX_PIXELS} are read`,
    );
  }
  const size = height * width * channels;
  return {
    length,
    get(index) {
      const values = data.subarray(index * size, (index + 1) * size);
      return { width, height, channels, depth: 8, data: values };
    },
  };
}
