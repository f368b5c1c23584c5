/**
 * A batch of images as the network sees them, side by side with captions, as a picture and as a PNG file.
 *
 * @module
 */

import { encode } from "fast-png";
import oledFont from "oled-font-5x7";
import { OptionError, ShapeError } from "../errors.ts";
import { requireInteger } from "../options.ts";

/** Width of a character, in pixels, without the space after it. */
const GLYPH_WIDTH = 5;

/** Height of a character, in pixels. */
const GLYPH_HEIGHT = 7;

/** Drawn instead of a character that the font lacks. */
const SUBSTITUTE = "?";

const FONT: OledFont = oledFont;

/** Where each character is in the font. */
const INDICES: ReadonlyMap<string, number> = new Map(
  FONT.lookup.map((char, i) => [char, i]),
);

/** The pixels of a character, `[GLYPH_HEIGHT][GLYPH_WIDTH]`: whether each has ink. */
function glyphOf(char: string): boolean[][] {
  const index = INDICES.get(char) ?? INDICES.get(SUBSTITUTE)!;
  const first = index * GLYPH_WIDTH;
  const columns = FONT.fontData.slice(first, first + GLYPH_WIDTH);
  return Array.from(
    { length: GLYPH_HEIGHT },
    (_, y) => columns.map((column) => (column >> y & 1) === 1),
  );
}

/** What to draw. */
export interface ContactSheet {
  /** Values of all images, in the order of `shape`. */
  readonly images: Float32Array;
  /** Shape of `images`; 1 channel is grey, 3 are red, green and blue. */
  readonly shape: readonly [
    batch: number,
    height: number,
    width: number,
    channels: number,
  ];
  /** What stands beneath each image; what is wider than the image is cut. */
  readonly captions: readonly string[];
  /** Most images in a row. Default: as many as make about as many rows. */
  readonly columns?: number;
  /** Integer: pixels of the picture per pixel of an image, both ways. Default: the least that makes 56 pixels. */
  readonly scale?: number;
  /** Values that are black and white; what is beyond is as dark or light. Default [0, 1]. */
  readonly range?: readonly [min: number, max: number];
}

/** Pixels in rows from the top left. */
export interface Picture {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `[height, width, 3]`: red, green and blue in 0..255. */
  readonly data: Uint8Array;
}

/** How an image is placed and shaded. */
export interface Placement {
  /** Pixels from the left edge of the picture. */
  readonly left: number;
  /** Pixels from its top edge. */
  readonly top: number;
  /** Integer: pixels of the picture per pixel of the image, both ways. */
  readonly scale: number;
  /** Values that are black and white; what is beyond is as dark or light. */
  readonly range: readonly [min: number, max: number];
}

/** Pixels between images, and between them and the edge. */
const GAP = 4;

/** Pixels between an image and its caption. */
const CAPTION_GAP = 2;

/** Pixels from a character to the next. */
const CHAR_STEP = GLYPH_WIDTH + 1;

/** Grey level: dark, but apart from black so that the edges of a black image show. */
const BACKGROUND = 32;

/** Grey level of the captions. */
const TEXT = 224;

/** Pixels that the longer side of an image has at least, unless `scale` is given. */
const LEAST_SIDE = 56;

/**
 * Draws images side by side with their captions beneath.
 *
 * @param sheet Images, captions and layout.
 * @returns The picture: light captions on dark grey.
 * @throws {ShapeError} If there are neither 1 nor 3 channels, no pixels, or not as many values or captions as the shape says.
 * @throws {OptionError} If `columns` or `scale` is not a positive integer, or `range` does not ascend.
 */
export function drawContactSheet(sheet: ContactSheet): Picture {
  checkShape(sheet);
  const { shape: [batch, height, width, channels], range = [0, 1] } = sheet;
  const columns = Math.min(
    batch,
    requireInteger("columns", sheet.columns ?? Math.ceil(Math.sqrt(batch))),
  );
  const scale = requireInteger(
    "scale",
    sheet.scale ?? Math.ceil(LEAST_SIDE / Math.max(height, width)),
  );
  if (!(Number.isFinite(range[1] - range[0]) && range[0] < range[1])) {
    throw new OptionError("range", range, "two numbers, the lesser one first");
  }

  const stepX = width * scale + GAP;
  const stepY = height * scale + CAPTION_GAP + GLYPH_HEIGHT + GAP;
  const picture = blankPicture({
    width: GAP + columns * stepX,
    height: GAP + Math.ceil(batch / columns) * stepY,
  });
  for (let i = 0; i < batch; i++) {
    const left = GAP + i % columns * stepX;
    const top = GAP + Math.floor(i / columns) * stepY;
    drawImage(picture, {
      values: imageOf(sheet, i),
      shape: [height, width, channels],
      at: { left, top, scale, range },
    });
    drawText(picture, {
      text: sheet.captions[i],
      left,
      top: top + height * scale + CAPTION_GAP,
      maxWidth: width * scale,
    });
  }
  return picture;
}

/** Makes a picture of nothing but the dark grey between images. */
export function blankPicture(
  { width, height }: Pick<Picture, "width" | "height">,
): Picture {
  const data = new Uint8Array(width * height * 3).fill(BACKGROUND);
  return { width, height, data };
}

/** Draws an image into a picture. */
export function drawImage(
  picture: Picture,
  { values, shape: [height, width, channels], at }: {
    values: Float32Array;
    shape: readonly [height: number, width: number, channels: number];
    at: Placement;
  },
): void {
  const { left, top, scale, range: [min, max] } = at;
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const from = Math.floor(y / scale) * width + Math.floor(x / scale);
      const to = (top + y) * picture.width + left + x;
      for (let c = 0; c < 3; c++) {
        const value = values[from * channels + (channels === 3 ? c : 0)];
        const share = Math.min(1, Math.max(0, (value - min) / (max - min)));
        picture.data[to * 3 + c] = Math.round(share * 255);
      }
    }
  }
}

/**
 * Writes a picture as a PNG file.
 *
 * @param picture At least one pixel, and as many values as its size says.
 * @returns The bytes of the file: 8 bits per channel, RGB.
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, data } = picture;
  return encode({ width, height, data, channels: 3, depth: 8 });
}

function checkShape({ images, shape, captions }: ContactSheet): void {
  const [batch, , , channels] = shape;
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(
      `Cannot draw images of shape [${shape}] as they must have 1 channel or 3: current value is ${channels}`,
    );
  }
  const numValues = shape.reduce((product, size) => product * size, 1);
  if (numValues < 1 || images.length !== numValues) {
    throw new ShapeError(
      `Cannot draw images of shape [${shape}] as there must be ${numValues} values, and at least 1: current value is ${images.length}`,
    );
  }
  if (captions.length !== batch) {
    throw new ShapeError(
      `Cannot draw images of shape [${shape}] as there must be a caption for each: current value is ${captions.length}`,
    );
  }
}

function imageOf(
  { images, shape }: ContactSheet,
  index: number,
): Float32Array {
  const numValues = shape[1] * shape[2] * shape[3];
  return images.subarray(index * numValues, (index + 1) * numValues);
}

/** Draws the characters that fit, from the top left. */
function drawText(
  picture: Picture,
  { text, left, top, maxWidth }: {
    text: string;
    left: number;
    top: number;
    maxWidth: number;
  },
): void {
  // The last character needs no space after it.
  const numFitting = Math.floor((maxWidth + 1) / CHAR_STEP);
  [...text].slice(0, numFitting).forEach((char, i) => {
    glyphOf(char).forEach((row, y) =>
      row.forEach((hasInk, x) => {
        if (!hasInk) return;
        const pixel = (top + y) * picture.width + left + i * CHAR_STEP + x;
        picture.data.fill(TEXT, pixel * 3, pixel * 3 + 3);
      })
    );
  });
}

/** What the npm package, which has no types, exports. */
interface OledFont {
  /** Columns of all characters, from left to right; the lowest bit of a column is its topmost pixel. */
  readonly fontData: readonly number[];
  /** The characters, in order. */
  readonly lookup: readonly string[];
}
