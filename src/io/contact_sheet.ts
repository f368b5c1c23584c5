/**
 * Many images side by side as one picture: a batch with captions, or the filters of a first layer. Pictures as PNG files.
 */

import { encode } from "fast-png";
import oledFont from "oled-font-5x7";
import type { NamedTensor } from "./safetensors.ts";

/** Pixels in rows from the top left. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`: red, green and blue in 0..255. */
  readonly data: Uint8Array;
}

/** Writes a picture as a PNG file, 8 bits per channel. */
export function encodePng({ width, height, data }: Picture): Uint8Array {
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/** A batch of images and what stands beneath each. */
export interface ContactSheet {
  /** Values from 0, black, to 1, white. */
  readonly images: Float32Array;
  /** 1 channel is grey, 3 are red, green and blue. */
  readonly shape: readonly [
    batch: number,
    height: number,
    width: number,
    channels: number,
  ];
  /** What is wider than the image is cut. */
  readonly captions: readonly string[];
}

/** Draws a batch as about as many rows as columns, with captions in light grey. */
export function drawContactSheet(
  { images, shape: [batch, ...shape], captions }: ContactSheet,
): Picture {
  const length = images.length / batch;
  return drawGrid({
    images: captions.map((_, i) =>
      images.subarray(i * length, (i + 1) * length)
    ),
    shape,
    captions,
    columns: Math.ceil(Math.sqrt(batch)),
    gap: 4,
    leastSide: 56,
  });
}

/**
 * Draws each filter of a kernel `[height, width, 1 or 3, filters]` as an image. Its least weight is black, its greatest white; a
 * filter whose weights are all equal is grey.
 */
export function drawFilters({ shape, values }: NamedTensor): Picture {
  const [height, width, channels, count] = shape;
  const images = Array.from(
    { length: count },
    (_, index) => filterImage(values, { index, count }),
  );
  return drawGrid({
    images,
    shape: [height, width, channels],
    columns: columnsFor(count),
    gap: 2,
    leastSide: 32,
  });
}

/** One of the filters of a kernel whose last dimension is the filters: from 0, its least weight, to 1, its greatest. */
export function filterImage(
  kernel: Float32Array,
  { index, count }: { index: number; count: number },
): Float32Array {
  const filter = kernel.filter((_, i) => i % count === index);
  const min = filter.reduce((least, value) => Math.min(least, value));
  const max = filter.reduce((most, value) => Math.max(most, value));
  return filter.map((value) => max > min ? (value - min) / (max - min) : 0.5);
}

/** Draws an image of values from 0, black, to 1, white, each of its pixels as `scale` by `scale`. */
export function drawEnlarged(
  image: { values: Float32Array; shape: Grid["shape"] },
  scale: number,
): Picture {
  const [height, width] = image.shape;
  const data = new Uint8Array(height * width * scale ** 2 * 3);
  const picture = { width: width * scale, height: height * scale, data };
  drawImage(picture, { ...image, left: 0, top: 0, scale });
  return picture;
}

/** The fewest columns, from the square root to twice that, that fill all rows, if any do: 12 for 96 filters. */
function columnsFor(count: number): number {
  const least = Math.ceil(Math.sqrt(count));
  for (let columns = least; columns <= 2 * least; columns++) {
    if (count % columns === 0) return columns;
  }
  return least;
}

/** Images of one size, and how to lay them out. */
interface Grid {
  readonly images: readonly Float32Array[];
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly captions?: readonly string[];
  readonly columns: number;
  /** Pixels between images, and between them and the edge. */
  readonly gap: number;
  /** Pixels that the longer side of an image has at least: images are enlarged by the least factor that makes them. */
  readonly leastSide: number;
}

/** Dark grey, but not black, so that the edges of a black image show. */
const BACKGROUND = 32;

/** Pixels between an image and its caption. */
const CAPTION_GAP = 2;

function drawGrid(
  { images, shape, captions, columns, gap, leastSide }: Grid,
): Picture {
  const scale = Math.ceil(leastSide / Math.max(shape[0], shape[1]));
  const [height, width] = [shape[0] * scale, shape[1] * scale];
  const captionHeight = captions ? CAPTION_GAP + GLYPH_HEIGHT : 0;
  const [stepX, stepY] = [width + gap, height + captionHeight + gap];
  const size = {
    width: gap + columns * stepX,
    height: gap + Math.ceil(images.length / columns) * stepY,
  };
  const data = new Uint8Array(size.width * size.height * 3).fill(BACKGROUND);
  const picture = { ...size, data };
  images.forEach((values, i) => {
    const left = gap + i % columns * stepX;
    const top = gap + Math.floor(i / columns) * stepY;
    drawImage(picture, { values, shape, left, top, scale });
    drawText(picture, {
      text: captions?.[i] ?? "",
      left,
      top: top + height + CAPTION_GAP,
      maxWidth: width,
    });
  });
  return picture;
}

function drawImage(
  picture: Picture,
  { values, shape: [height, width, channels], left, top, scale }:
    & Pick<Grid, "shape">
    & { values: Float32Array; left: number; top: number; scale: number },
): void {
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const from = Math.floor(y / scale) * width + Math.floor(x / scale);
      const to = (top + y) * picture.width + left + x;
      for (let c = 0; c < 3; c++) {
        const value = values[from * channels + c % channels];
        const share = Math.min(1, Math.max(0, value));
        picture.data[to * 3 + c] = Math.round(share * 255);
      }
    }
  }
}

/** Of the npm package, which has no types: the characters in order, and their columns of pixels, the lowest bit topmost. */
const FONT: {
  readonly lookup: readonly string[];
  readonly fontData: readonly number[];
} = oledFont;

/** Pixels of a character, without the space after it. */
const [GLYPH_WIDTH, GLYPH_HEIGHT] = [5, 7];

/** Pixels from a character to the next. */
const CHAR_STEP = GLYPH_WIDTH + 1;

/** Drawn in place of a character that the font lacks. */
const SUBSTITUTE = "?";

/** Grey level of the captions. */
const TEXT = 224;

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
  for (const [i, char] of [...text].slice(0, numFitting).entries()) {
    const known = FONT.lookup.includes(char) ? char : SUBSTITUTE;
    const first = FONT.lookup.indexOf(known) * GLYPH_WIDTH;
    for (let x = 0; x < GLYPH_WIDTH; x++) {
      for (let y = 0; y < GLYPH_HEIGHT; y++) {
        if ((FONT.fontData[first + x] >> y & 1) === 0) continue;
        const pixel = (top + y) * picture.width + left + i * CHAR_STEP + x;
        picture.data.fill(TEXT, pixel * 3, pixel * 3 + 3);
      }
    }
  }
}
