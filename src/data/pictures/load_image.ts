/**
 * Turns pictures of any kind into what a network sees: with the size, the channels and the dark background of the images that it
 * was trained on.
 */

import { DataError } from "../../errors.ts";
import { reasonOf } from "../../reason.ts";
import { checkIndex, type Image } from "../dataset.ts";
import { decompress, readFile } from "../gz_file.ts";
import { parseIdx } from "../idx.ts";
import { type Fit, resize } from "../transforms/resize.ts";
import {
  compose,
  parseSize,
  type Size,
  type Transform,
} from "../transforms/transform.ts";
import { toTensor } from "../transforms/values.ts";
import {
  formatOf,
  MAX_PIXELS,
  parseForm,
  type PictureFormat,
  pictureOf,
  type PictureOptions,
  type Pixels,
} from "./pixels.ts";

/** How {@linkcode loadImage} and {@linkcode loadImages} turn pictures into what a network sees. */
export interface LoadImageOptions extends PictureOptions {
  /**
   * Size that pictures are fitted to: that of the images that the network was trained on. "own" leaves them as large as they are,
   * for a `transform` that resizes. Default 28.
   */
  size?: Size | "own";
  /** 1 for grey (ITU-R 601-2 luma), 3 for red, green and blue. Default 1. */
  channels?: 1 | 3;
  /** How pictures of another form are made to fit. "pad" adds edges of `background`. Default "stretch", as of `resize`. */
  fit?: Fit;
  /** What is done last: the transform of the test images when the network was trained. Default `toTensor()`. */
  transform?: Transform;
}

/** The pictures of a file; each is made when it is asked for. */
export interface LoadedImages {
  /** Number of pictures. */
  readonly length: number;
  /** What the file is. */
  readonly format: PictureFormat;
  /**
   * Makes a picture.
   *
   * @param index Which, in [0, length).
   * @returns What the network sees.
   * @throws {OptionError} If there is no such picture.
   */
  get(index: number): Image;
}

/**
 * Reads a picture: a PNG or JPEG file, or an IDX file of a single one.
 *
 * This is done to it, in this order. With `invert`, light and dark are exchanged. What is transparent is laid on `background`,
 * inverted or not, as it does not belong to what is shown. Color becomes grey, if `channels` is 1. A photograph is turned as EXIF
 * says. All this is the same for the pictures of `imageFolder`. Then the picture is fitted to `size`, as `resize` does, and last
 * comes `transform`. So the network sees the file as it saw it in training, if the options are the same.
 *
 * @example
 * ```ts ignore
 * const image = await loadImage("boot.jpg", {
 *   invert: true,
 *   fit: "pad",
 *   transform: compose([resize(224), toTensor()]),
 * });
 * const [guesses] = await classify(net, [image], { classNames });
 * ```
 *
 * @param source Path or `file:` address of the file, or its bytes.
 * @param options Size, channels, and how it gets there.
 * @returns What the network sees: by default float32 `[28, 28, 1]` in [0, 1].
 * @throws {DataError} If the file cannot be read, is damaged, too large or something else.
 * @throws {OptionError} If an option is not one of its values.
 */
export async function loadImage(
  source: string | URL | Uint8Array<ArrayBuffer>,
  options: LoadImageOptions = {},
): Promise<Image> {
  const images = await loadImages(source, options);
  if (images.length !== 1) {
    const path = nameOf(source);
    throw new DataError(
      path,
      `Cannot read ${path} as one image: there are ${images.length} in it, use loadImages()`,
    );
  }
  return images.get(0);
}

/**
 * Reads the pictures of a file: one in a PNG or JPEG file, any number in an IDX file. The first bytes of a file say what it is,
 * not its name. {@linkcode loadImage} says what is done to each picture.
 *
 * @param source Path or `file:` address of the file, or its bytes; gz or plain.
 * @param options Size, channels, and how they get there.
 * @returns The pictures.
 * @throws {DataError} If the file cannot be read, is damaged, too large or something else.
 * @throws {OptionError} If an option is not one of its values.
 */
export async function loadImages(
  source: string | URL | Uint8Array<ArrayBuffer>,
  options: LoadImageOptions = {},
): Promise<LoadedImages> {
  const { size = 28, channels = 1, fit, transform = toTensor() } = options;
  const form = parseForm(channels, options);
  if (size !== "own") parseSize("size", size);
  const { background } = form;
  const fitted = size === "own"
    ? transform
    : compose([resize(size, { fit, background }), transform]);
  const bytes = source instanceof Uint8Array
    ? source
    : await readFile(source, { wanted: "PNG, JPEG or IDX file" });
  const { length, format, get } = await openPictures(bytes, nameOf(source));
  return {
    length,
    format,
    get(index) {
      checkIndex(index, length);
      return fitted(pictureOf(get(index), form));
    },
  };
}

function nameOf(source: string | URL | Uint8Array): string {
  return source instanceof Uint8Array ? "the image" : String(source);
}

/** The pictures of a file. */
interface Pictures {
  readonly length: number;
  readonly format: PictureFormat;
  readonly get: (index: number) => Pixels;
}

/** Opens a file of pictures. A PNG or JPEG file is decoded at once. */
async function openPictures(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Pictures> {
  const { decodePixels } = await import("./decode_image.ts");
  try {
    const plain = decompress(bytes);
    const format = formatOf(plain);
    if (format === undefined) {
      throw new Error("it is neither PNG nor JPEG nor IDX");
    }
    if (format === "idx") return openIdx(plain, path);
    const pixels = decodePixels(plain);
    return { length: 1, format, get: () => pixels };
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = reasonOf(error);
    throw new DataError(
      path,
      `Cannot read ${path} as an image (${reason}): name a PNG, JPEG or IDX file`,
    );
  }
}

function openIdx(bytes: Uint8Array, path: string): Pictures {
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
    format: "idx",
    get(index) {
      const values = data.subarray(index * size, (index + 1) * size);
      return { width, height, channels, depth: 8, data: values };
    },
  };
}
