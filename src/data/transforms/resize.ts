/** Resizing by bilinear interpolation, and how an image of another form is made to fit. */

import type { Extent } from "../../device/sizes.ts";
import { requireInteger, requireOneOf } from "../../options.ts";
import type { Image } from "../dataset.ts";
import { lookThrough, roundHalfEven } from "./crop.ts";
import {
  define,
  memoryFor,
  parseSize,
  type Size,
  type Transform,
} from "./transform.ts";

/**
 * How an image of another form is made to fit. "crop" keeps its form and cuts off what is too much, in equal parts, as torchvision's
 * `Resize` and `CenterCrop` do. "pad" keeps its form and adds edges. "stretch" changes its form. "contain" and "fill", the names that
 * CSS has, mean "pad" and "stretch".
 */
export type Fit = "crop" | "pad" | "stretch" | "contain" | "fill";

const FITS = {
  crop: "crop",
  pad: "pad",
  stretch: "stretch",
  contain: "pad",
  fill: "stretch",
} as const;

/** How {@linkcode resize} makes images fit. */
export interface ResizeOptions {
  /** What is done to an image of another form. Default "stretch". */
  fit?: Fit;
  /** The grey of the edges that "pad" adds, from 0 (black) to 255 (white). Default 0. */
  background?: number;
}

/**
 * Resizes by bilinear interpolation. A side that shrinks is antialiased: each pixel is a weighted mean of all that it covers.
 *
 * Equal to torchvision's `resize` with `antialias=True`, and to Pillow's `BILINEAR`, but nothing is rounded. A side that grows is
 * that of PyTorch's `interpolate(mode="bilinear", align_corners=False)`: output pixel i reads at
 * max(0, (i + 0.5) * in / out - 0.5).
 *
 * @param size Size of the output.
 * @param options What is done to images of another form.
 * @returns Makes float32 images with the value range of the input; returns an image of that size as it is.
 * @throws {OptionError} If a side is not a positive integer, or an option is not one of its values.
 */
export function resize(size: Size, options: ResizeOptions = {}): Transform {
  const box = parseSize("resize", size);
  const { fit = "stretch", background = 0 } = options;
  requireOneOf("fit", fit, Object.keys(FITS));
  requireInteger("background", background, { min: 0, max: 255 });
  const fitted = (image: Extent) => fittedSize(image, box, FITS[fit]);
  const resample = resampler();
  const apply = (
    image: Image,
    maxValue: Image["maxValue"],
    memory?: Float32Array,
  ): Image => {
    const divisor = image.maxValue / maxValue;
    if (divisor === 1 && isSameSize(image, box)) return image;
    const size = fitted(image);
    const rows = middleOf(size.height, box.height);
    const columns = middleOf(size.width, box.width);
    const [height, width] = [rows.count, columns.count];
    const data = resample(image, { rows, columns, divisor, memory });
    const resized = { ...image, data, height, width, maxValue };
    if (isSameSize(resized, box)) return resized;
    const top = Math.ceil((height - box.height) / 2);
    const left = Math.ceil((width - box.width) / 2);
    const window = { ...box, top, left, isFlipped: false };
    return lookThrough(resized, window, { fill: background * maxValue / 255 });
  };
  return define((image, _, memory) => apply(image, image.maxValue, memory), {
    name: "resize",
    args: [size, options],
    description: `resize to ${box.height}x${box.width}${
      FITS[fit] === "stretch" ? "" : ` (${FITS[fit]})`
    }`,
    onDevice: { kind: "resize", size: box, fitted },
    scaled: (image, _, memory) => apply(image, 1, memory),
  });
}

/** The size that fits an image to a box: one side is that of the box, unless it is stretched. */
function fittedSize(
  { height, width }: Extent,
  box: Extent,
  fit: "crop" | "pad" | "stretch",
): Extent {
  if (fit === "stretch") return box;
  const isWider = width * box.height > height * box.width;
  // torchvision rounds down, and Pillow's `ImageOps.pad` to the nearest.
  const round = fit === "crop" ? Math.floor : Math.round;
  return isWider === (fit === "pad")
    ? { ...box, height: Math.max(1, round(height * box.width / width)) }
    : { ...box, width: Math.max(1, round(width * box.height / height)) };
}

/** A part of one side of the output: its whole size, the first pixel that is made, and how many. */
interface Part {
  readonly size: number;
  readonly first: number;
  readonly count: number;
}

interface Parts {
  readonly rows: Part;
  readonly columns: Part;
}

/** The middle of a side that is too long, or all of it. What is cut off is not made: of a long picture it may be most. */
function middleOf(size: number, wanted: number): Part {
  const first = Math.max(0, roundHalfEven((size - wanted) / 2));
  return { size, first, count: Math.min(size, wanted) };
}

export function isSameSize(a: Extent, b: Extent): boolean {
  return a.height === b.height && a.width === b.width;
}

/** Prepares resizing. The function that is returned makes float32 `[height, width, channels]` of an image. */
function resampler() {
  let prepared: number[] = [];
  const none = growingAxis(0, middleOf(0, 0), 1);
  let [rows, columns] = [none, none];
  let [start, end] = [0, 0];
  let scratch = new Float32Array(0);
  return (
    image: Image,
    { divisor, memory, ...asked }: Parts & {
      /** What all values are divided by. */
      divisor: number;
      memory?: Float32Array;
    },
  ): Float32Array => {
    // A side that grows comes last: it may grow a hundred times. It is interpolated along each row first, then between rows.
    const { data, height, width, ...parts } = shrink(image, asked);
    const { channels } = image;
    const numRows = parts.rows.count;
    const sizes = [parts.rows, parts.columns].flatMap(Object.values);
    const key = [height, width, channels, ...sizes];
    if (key.some((side, i) => side !== prepared[i])) {
      prepared = key;
      rows = growingAxis(height, parts.rows, 1);
      columns = growingAxis(width, parts.columns, channels);
      // A crop needs some of the rows only.
      [start, end] = [rows.first[0], rows.second.at(-1)! + 1];
      const length = (end - start) * columns.share.length;
      if (scratch.length < length) scratch = new Float32Array(length);
    }
    const [stretched, { first, second, share }] = [scratch, columns];
    const stride = share.length;
    for (let y = start; y < end; y++) {
      const from = y * width * channels;
      const to = (y - start) * stride;
      for (let i = 0; i < stride; i++) {
        const a = data[from + first[i]];
        const b = data[from + second[i]];
        stretched[to + i] = (a + share[i] * (b - a)) / divisor;
      }
    }
    const out = memoryFor(numRows * stride, memory);
    for (let y = 0; y < numRows; y++) {
      const top = (rows.first[y] - start) * stride;
      const bottom = (rows.second[y] - start) * stride;
      const part = rows.share[y];
      const to = y * stride;
      for (let i = 0; i < stride; i++) {
        const a = stretched[top + i];
        out[to + i] = a + part * (stretched[bottom + i] - a);
      }
    }
    return out;
  };
}

/** Shrinks the sides that are to shrink, with antialiasing, and returns what is left to do. */
function shrink(image: Image, { rows, columns }: Parts) {
  const { channels } = image;
  let { data, height, width } = image;
  if (columns.size < width) {
    data = blend(data, shrinkingAxis(width, columns), [width, channels]);
    width = columns.count;
    columns = middleOf(width, width);
  }
  if (rows.size < height) {
    const inner = width * channels;
    data = blend(data, shrinkingAxis(height, rows), [height, inner]);
    height = rows.count;
    rows = middleOf(height, height);
  }
  return { data, height, width, rows, columns };
}

/** For each pixel along one side of the output: which pixel of the input is the first, and what those from there count. */
type Axis = readonly { readonly first: number; readonly shares: number[] }[];

/** Pillow's weights: a triangle about the middle of each pixel, twice as wide as the pixel (libImaging/Resample.c, precompute_coeffs). */
function shrinkingAxis(inSize: number, part: Part): Axis {
  const scale = inSize / part.size;
  return Array.from({ length: part.count }, (_, i) => {
    const middle = (part.first + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(middle - scale + 0.5));
    const end = Math.min(inSize, Math.trunc(middle + scale + 0.5));
    const weights = Array.from(
      { length: end - first },
      (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - middle) / scale),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, shares: weights.map((weight) => weight / total) };
  });
}

/** Blends along the first of the last two dimensions of an array, whose sizes are given. */
function blend(
  data: Image["data"],
  axis: Axis,
  [size, inner]: [size: number, inner: number],
): Float32Array {
  const outer = data.length / (size * inner);
  const out = new Float32Array(outer * axis.length * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (const { first, shares } of axis) {
      const from = (o * size + first) * inner;
      for (let c = from; c < from + inner; c++) {
        let sum = 0;
        for (let i = 0; i < shares.length; i++) {
          sum += shares[i] * data[c + i * inner];
        }
        out[to++] = sum;
      }
    }
  }
  return out;
}

/** For each value along one side of the output: two neighbours in the input and the share of the second. */
function growingAxis(inSize: number, part: Part, channels: number) {
  const length = part.count * channels;
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const share = new Float64Array(length);
  for (let i = 0; i < share.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const middle = part.first + pixel + 0.5;
    const position = Math.max(0, middle * inSize / part.size - 0.5);
    const before = Math.floor(position);
    first[i] = before * channels + channel;
    second[i] = Math.min(before + 1, inSize - 1) * channels + channel;
    share[i] = position - before;
  }
  return { first, second, share };
}
