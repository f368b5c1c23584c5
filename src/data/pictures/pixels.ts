/**
 * What a file of pictures is, its pixels as they are stored, and how images are made of them: of bytes, as Pillow's `convert("L")`
 * and `convert("RGB")` do, and upright.
 */

import type { Extent } from "../../device/sizes.ts";
import { OptionError } from "../../errors.ts";
import { requireInteger } from "../../options.ts";
import type { Image } from "../dataset.ts";

/** What a file of pictures can be. */
export type PictureFormat = "png" | "jpeg" | "idx";

/** How many bytes of a file say what it is. */
export const HEAD_BYTES = 16;

/** How picture files begin that cannot be read: offset, characters, name. */
const FOREIGN: readonly (readonly [number, string, string])[] = [
  [0, "GIF8", "a GIF"],
  [0, "BM", "a BMP"],
  [0, "II*\0", "a TIFF"],
  [0, "MM\0*", "a TIFF"],
  [8, "WEBP", "a WebP"],
  [4, "ftypavif", "an AVIF"],
  [4, "ftyphei", "a HEIC"],
  [4, "ftypmif1", "a HEIC"],
  [4, "JXL ", "a JPEG XL"],
  [4, "jP  ", "a JPEG 2000"],
  [0, "<svg", "an SVG"],
  [0, "%PDF", "a PDF"],
];

/**
 * Says what a file is by its first bytes; undefined if they are unknown. If they are known and cannot be read, the message of the
 * error completes "it is ...".
 */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  if (bytes.length === 0) throw new Error("it is empty");
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  if (head.startsWith("\x89PNG")) return "png";
  if (head.startsWith("\xff\xd8")) return "jpeg";
  for (const [offset, characters, name] of FOREIGN) {
    if (head.startsWith(characters, offset)) {
      throw new Error(`it is ${name} file, which has to be converted first`);
    }
  }
  if (head.startsWith("\0\0")) return "idx";
}

/** Says what a file of one picture is; the message of an error completes "it is ...". */
export function formatOfOne(bytes: Uint8Array): "png" | "jpeg" {
  const format = formatOf(bytes);
  if (format === "png" || format === "jpeg") return format;
  throw new Error("it is neither PNG nor JPEG");
}

/** Where the first stored row and column belong when the picture stands upright, as EXIF numbers it; 1 is where they are. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Pixels, row after row: grey or RGB, with or without alpha. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
  /** Values per pixel: 1 is grey, 3 are red, green and blue; 2 and 4 end with alpha. */
  readonly channels: number;
  /** Bits per value. */
  readonly depth: number;
  /** The one color that is transparent, if any: a value per channel. */
  readonly transparent?: readonly number[];
  /** How the pixels are to be turned. Default: not at all. */
  readonly orientation?: Orientation;
}

/** Larger images are refused. A camera takes fewer pixels, and a decoder can hold as many. */
export const MAX_PIXELS: number = 2 ** 26;

/** Checks the size that a file claims, before memory is asked for. The message of an error completes "it is ...". */
export function requireSize({ width, height }: Extent): void {
  if (width < 1 || height < 1) {
    throw new Error(`it is damaged: it claims ${width}x${height} pixels`);
  }
  if (width * height > MAX_PIXELS) {
    throw new Error(
      `it is too large: ${width}x${height} pixels, and at most ${MAX_PIXELS} are read`,
    );
  }
}

/** How the pixels of files become pictures. */
export interface PictureOptions {
  /** Whether pictures are dark on light and must become light on dark. Default false. */
  invert?: boolean;
  /** The grey behind what is transparent, inverted or not, from 0 (black) to 255 (white). Default 0. */
  background?: number;
}

/** {@linkcode PictureOptions} without gaps, and the channels. */
export interface PictureForm extends Required<PictureOptions> {
  readonly channels: 1 | 3;
}

/** Checks how pixels are to become pictures. */
export function parseForm(
  channels: 1 | 3,
  { invert = false, background = 0 }: PictureOptions,
): PictureForm {
  if (channels !== 1 && channels !== 3) {
    throw new OptionError("channels", channels, "1 or 3");
  }
  requireInteger("background", background, { min: 0, max: 255 });
  return { channels, invert, background };
}

/**
 * Makes a picture of pixels, for training and for prediction: upright, of bytes. What is transparent is laid on the background.
 * Grey is ITU-R 601-2 luma. Of 16 bits, the lower 8 are dropped.
 */
export function pictureOf(pixels: Pixels, form: PictureForm): Image {
  const { width, height, orientation = 1 } = pixels;
  const { channels } = form;
  const colors = toColors(pixels);
  layOn(colors, alphaOf(pixels), form);
  const data = channels === 1 ? grey(colors) : colors;
  const picture = { data, width, height, channels, maxValue: 255 } as const;
  return turnUpright(picture, orientation);
}

/** Inverts colors, in place, and lays them on the background as opaque as `alpha` says. */
function layOn(
  colors: Uint8Array,
  alpha: Uint8Array | undefined,
  { invert, background }: PictureForm,
): void {
  if (!invert && alpha === undefined) return;
  for (let i = 0; i < colors.length; i++) {
    const value = invert ? 255 - colors[i] : colors[i];
    const share = alpha?.[Math.floor(i / 3)] ?? 255;
    colors[i] = Math.round((value * share + background * (255 - share)) / 255);
  }
}

/** How opaque pixels are, uint8 `[height, width]`: 0 is transparent, 255 opaque. Undefined if all are opaque. */
function alphaOf(pixels: Pixels): Uint8Array | undefined {
  const { width, height, data, channels, depth, transparent } = pixels;
  const numPixels = width * height;
  if (channels % 2 === 0) {
    return Uint8Array.from(
      { length: numPixels },
      (_, i) => data[i * channels + channels - 1] >> (depth - 8),
    );
  }
  if (transparent === undefined) return;
  return Uint8Array.from({ length: numPixels }, (_, i) => {
    const isOpaque = transparent.some((value, c) =>
      data[i * channels + c] !== value
    );
    return isOpaque ? 255 : 0;
  });
}

function toColors(
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

function grey(colors: Uint8Array): Uint8Array {
  // Pillow's rounding of 0.299 R + 0.587 G + 0.114 B, https://github.com/python-pillow/Pillow (libImaging/Convert.c, L24).
  return Uint8Array.from(
    { length: colors.length / 3 },
    (_, i) =>
      (colors[3 * i] * 19595 + colors[3 * i + 1] * 38470 +
        colors[3 * i + 2] * 7471 + 0x8000) >> 16,
  );
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
