/**
 * The filters of a convolution that looks at images, side by side as a picture: what the first layer has learnt to see.
 *
 * @module
 */

import { ShapeError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import { blankPicture, drawImage, type Picture } from "./contact_sheet.ts";

/** Weights of a convolution, as layers and checkpoints have them. */
export interface Kernel {
  /** `[height, width, inChannels, outChannels]`; 1 channel in is grey, 3 are red, green and blue. */
  readonly shape: readonly number[];
  /** Values in row-major order. */
  readonly values: Float32Array;
}

/** How to lay out the picture of filters. */
export interface FilterPictureOptions {
  /** Most filters in a row. Default: as many as make about as many rows, all of them full if possible. */
  readonly columns?: number;
  /** Integer: pixels of the picture per weight, both ways. Default: the least that makes 32 pixels. */
  readonly scale?: number;
}

/** Pixels between filters, and between them and the edge. */
const GAP = 2;

/** Pixels that the longer side of a filter has at least, unless `scale` is given. */
const LEAST_SIDE = 32;

/**
 * Draws each filter as an image, first to last. The least weight of a filter is black, its greatest white, whatever those of
 * the others are; a filter whose weights are all equal is grey.
 *
 * @param kernel Weights of a convolution of images with 1 channel or 3.
 * @param options Layout.
 * @returns The picture: filters on dark grey.
 * @throws {ShapeError} If the shape is another one, or there are not as many values as it says.
 * @throws {OptionError} If `columns` or `scale` is not a positive integer.
 */
export function drawFilters(
  kernel: Kernel,
  options: FilterPictureOptions = {},
): Picture {
  const [height, width, channels, count] = checkedShape(kernel);
  const columns = Math.min(
    count,
    requireInteger("columns", options.columns ?? columnsFor(count)),
  );
  const scale = requireInteger(
    "scale",
    options.scale ?? Math.ceil(LEAST_SIDE / Math.max(height, width)),
  );
  const [stepX, stepY] = [width * scale + GAP, height * scale + GAP];
  const picture = blankPicture({
    width: GAP + columns * stepX,
    height: GAP + Math.ceil(count / columns) * stepY,
  });
  for (let i = 0; i < count; i++) {
    drawImage(picture, {
      values: normalisedFilter(kernel, i),
      shape: [height, width, channels],
      at: {
        left: GAP + i % columns * stepX,
        top: GAP + Math.floor(i / columns) * stepY,
        scale,
        range: [0, 1],
      },
    });
  }
  return picture;
}

function checkedShape(
  { shape, values }: Kernel,
): [height: number, width: number, channels: number, count: number] {
  const [height, width, channels, count] = shape;
  if (shape.length !== 4 || (channels !== 1 && channels !== 3)) {
    throw new ShapeError(
      `Cannot draw filters of shape [${shape}] as it must be [height, width, 1 or 3, filters]`,
    );
  }
  const numValues = height * width * channels * count;
  if (numValues < 1 || values.length !== numValues) {
    throw new ShapeError(
      `Cannot draw filters of shape [${shape}] as there must be ${numValues} values, and at least 1: current value is ${values.length}`,
    );
  }
  return [height, width, channels, count];
}

/** The fewest columns, from the square root to twice that, that fill all rows, if any do: 12 for 96 filters. */
function columnsFor(count: number): number {
  const least = Math.ceil(Math.sqrt(count));
  for (let columns = least; columns <= 2 * least; columns++) {
    if (count % columns === 0) return columns;
  }
  return least;
}

/** A filter's weights, `[height, width, channels]`, from 0 to 1. */
function normalisedFilter(
  { shape: [, , , count], values }: Kernel,
  index: number,
): Float32Array {
  const filter = Float32Array.from(
    { length: values.length / count },
    (_, i) => values[i * count + index],
  );
  const min = filter.reduce((least, value) => Math.min(least, value));
  const max = filter.reduce((most, value) => Math.max(most, value));
  return filter.map((value) => max > min ? (value - min) / (max - min) : 0.5);
}
