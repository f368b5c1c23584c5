/**
 * Resizing by bilinear interpolation.
 *
 * @module
 */

import type { Extent } from "../../device/sizes.ts";
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
  let input = [0, 0, 0];
  let [rows, columns] = [axis(0, 0, 1), axis(0, 0, 1)];
  let scratch = new Float32Array(0);
  return (image, { divisor, memory }) => {
    const { data, channels } = image;
    const size = [image.height, image.width, channels];
    if (size.some((side, i) => side !== input[i])) {
      input = size;
      rows = axis(image.height, height, 1);
      columns = axis(image.width, width, channels);
      const length = image.height * columns.share.length;
      if (scratch.length < length) scratch = new Float32Array(length);
    }
    const [stretched, { first, second, share }] = [scratch, columns];
    const stride = share.length;
    for (let y = 0; y < image.height; y++) {
      const from = y * image.width * channels;
      const to = y * stride;
      for (let i = 0; i < stride; i++) {
        const a = data[from + first[i]];
        const b = data[from + second[i]];
        stretched[to + i] = (a + share[i] * (b - a)) / divisor;
      }
    }
    const out = memoryFor(height * stride, memory);
    for (let y = 0; y < height; y++) {
      const top = rows.first[y] * stride;
      const bottom = rows.second[y] * stride;
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

/** For each value along one side of the output: two neighbours in the input and the share of the second. */
function axis(inSize: number, outSize: number, channels: number) {
  const first = new Int32Array(outSize * channels);
  const second = new Int32Array(outSize * channels);
  const share = new Float64Array(outSize * channels);
  for (let i = 0; i < share.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const position = Math.max(0, (pixel + 0.5) * inSize / outSize - 0.5);
    const before = Math.floor(position);
    first[i] = before * channels + channel;
    second[i] = Math.min(before + 1, inSize - 1) * channels + channel;
    share[i] = position - before;
  }
  return { first, second, share };
}
