/**
 * Resizing by bilinear interpolation.
 *
 * @module
 */

import type { Extent } from "../../device/gather_sizes.ts";
import { OptionError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import { define, memoryFor, type Transform } from "./transform.ts";

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

/** Checks the size that a transform is asked for, and writes out both sides. */
export function parseSize(option: string, size: Size): Extent {
  const sides = typeof size === "number" ? [size, size] : size;
  if (
    sides?.length !== 2 || !sides.every((side) => Number.isInteger(side)) ||
    Math.min(...sides) < 1
  ) {
    throw new OptionError(
      option,
      size,
      "a positive integer, or [height, width]",
    );
  }
  return { height: sides[0], width: sides[1] };
}

/**
 * Resizes by bilinear interpolation between pixel centres, without antialiasing.
 *
 * Equal to PyTorch's `interpolate(mode="bilinear", align_corners=False)`: output pixel i reads at
 * max(0, (i + 0.5) * in / out - 0.5). Nothing is rounded.
 *
 * @param size Size of the output.
 * @returns Makes float32 images with the value range of the input; returns an image of that size as it is.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function resize(size: Size): Transform {
  const extent = parseSize("resize", size);
  const { height, width } = extent;
  const interpolate = bilinear(extent);
  return define(
    (image, _, memory) => {
      if (image.height === height && image.width === width) return image;
      const data = interpolate(image, { divisor: 1, memory });
      return { ...image, data, height, width };
    },
    {
      name: "resize",
      args: [size],
      description: `resize to ${height}x${width}`,
      onDevice: { kind: "resize", size: extent },
      scaled(image, _, memory) {
        const data = interpolate(image, { divisor: image.maxValue, memory });
        return { ...image, data, height, width, maxValue: 1 };
      },
    },
  );
}

/** For each pixel along one side of the output: two neighbours in the input and the share of the second. */
interface Axis {
  first: Int32Array;
  second: Int32Array;
  share: Float64Array;
}

/**
 * Prepares interpolation to a size: along each row first, then between rows. The function that is returned makes float32
 * `[height, width, channels]` of an image, divided by `divisor`.
 */
function bilinear(
  { height, width }: Extent,
): (
  image: Image,
  options: { divisor: number; memory?: Float32Array },
) => Float32Array {
  let rows = axis(1, height);
  let columns = axis(1, width);
  let input = [1, 1];
  let scratch = new Float32Array(0);
  return (image, { divisor, memory }) => {
    if (image.height !== input[0] || image.width !== input[1]) {
      rows = axis(image.height, height);
      columns = axis(image.width, width);
      input = [image.height, image.width];
    }
    const stride = width * image.channels;
    if (scratch.length < image.height * stride) {
      scratch = new Float32Array(image.height * stride);
    }
    stretchRows(image, { columns, divisor, out: scratch });
    const out = memoryFor(height * stride, memory);
    blendRows(scratch, { rows, stride, out });
    return out;
  };
}

function axis(inSize: number, outSize: number): Axis {
  const first = new Int32Array(outSize);
  const second = new Int32Array(outSize);
  const share = new Float64Array(outSize);
  for (let i = 0; i < outSize; i++) {
    const position = Math.max(0, (i + 0.5) * inSize / outSize - 0.5);
    first[i] = Math.floor(position);
    second[i] = Math.min(first[i] + 1, inSize - 1);
    share[i] = position - first[i];
  }
  return { first, second, share };
}

function stretchRows(
  { data, height, width, channels }: Image,
  { columns: { first, second, share }, divisor, out }: {
    columns: Axis;
    divisor: number;
    out: Float32Array;
  },
): void {
  for (let y = 0, to = 0; y < height; y++) {
    const from = y * width * channels;
    for (let x = 0; x < share.length; x++) {
      const left = from + first[x] * channels;
      const right = from + second[x] * channels;
      for (let c = 0; c < channels; c++) {
        const a = data[left + c];
        out[to++] = (a + share[x] * (data[right + c] - a)) / divisor;
      }
    }
  }
}

function blendRows(
  data: Float32Array,
  { rows: { first, second, share }, stride, out }: {
    rows: Axis;
    stride: number;
    out: Float32Array;
  },
): void {
  for (let y = 0; y < share.length; y++) {
    const top = first[y] * stride;
    const bottom = second[y] * stride;
    const to = y * stride;
    for (let i = 0; i < stride; i++) {
      const a = data[top + i];
      out[to + i] = a + share[y] * (data[bottom + i] - a);
    }
  }
}
