/**
 * Resizing by bilinear interpolation.
 *
 * @module
 */

import type { Image } from "../dataset.ts";
import { define, memoryFor, type Transform } from "./transform.ts";
import { type Size, sizeOf } from "./window.ts";

/**
 * Resizes by bilinear interpolation between pixel centres, without antialiasing.
 *
 * Equal to PyTorch's `interpolate(mode="bilinear", align_corners=False)`: output place i reads at
 * max(0, (i + 0.5) * in / out - 0.5). Nothing is rounded.
 *
 * @param size Size of the output.
 * @returns Makes float32 images with the value range of the input; returns an image of that size as it is.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function resize(size: Size): Transform {
  const extent = sizeOf("resize", size);
  const { height, width } = extent;
  const interpolate = bilinear(height, width);
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
      step: { kind: "resize", size: extent },
      scaled(image, _, memory) {
        const data = interpolate(image, { divisor: image.maxValue, memory });
        return { ...image, data, height, width, maxValue: 1 };
      },
    },
  );
}

/** For each place along one side of the output: two neighbours in the input and the share of the second. */
interface Axis {
  first: Int32Array;
  second: Int32Array;
  share: Float64Array;
}

/** One row to stretch: where it begins in the input and in the output. */
interface Row {
  from: number;
  to: number;
  columns: Axis;
  channels: number;
  divisor: number;
  out: Float32Array;
}

/**
 * Prepares bilinear interpolation to a size: along each row first, then between rows. Output place i reads the input at
 * max(0, (i + 0.5) * in / out - 0.5), as PyTorch's `interpolate(mode="bilinear", align_corners=False)` does. The
 * function that is returned makes float32 `[height, width, channels]` of an image, divided by `divisor`.
 */
export function bilinear(
  height: number,
  width: number,
): (
  image: Image,
  options: { divisor: number; memory?: Float32Array },
) => Float32Array {
  let rows = axis(1, height);
  let columns = axis(1, width);
  let input = [1, 1];
  let scratch = new Float32Array(0);
  return (image, { divisor, memory }) => {
    const { data, channels } = image;
    if (image.height !== input[0] || image.width !== input[1]) {
      rows = axis(image.height, height);
      columns = axis(image.width, width);
      input = [image.height, image.width];
    }
    const stride = width * channels;
    if (scratch.length < image.height * stride) {
      scratch = new Float32Array(image.height * stride);
    }
    for (let y = 0; y < image.height; y++) {
      const from = y * image.width * channels;
      const to = y * stride;
      const stretch = channels === 1 ? stretchGreyRow : stretchRow;
      stretch(data, { from, to, columns, channels, divisor, out: scratch });
    }
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

function stretchGreyRow(
  data: Image["data"],
  { from, to, columns: { first, second, share }, divisor, out }: Row,
): void {
  for (let x = 0; x < share.length; x++) {
    const a = data[from + first[x]];
    const b = data[from + second[x]];
    out[to + x] = (a + share[x] * (b - a)) / divisor;
  }
}

function stretchRow(
  data: Image["data"],
  { from, to, columns: { first, second, share }, channels, divisor, out }: Row,
): void {
  for (let i = 0; i < share.length * channels; i++) {
    const x = Math.floor(i / channels);
    const channel = i - x * channels;
    const a = data[from + first[x] * channels + channel];
    const b = data[from + second[x] * channels + channel];
    out[to + i] = (a + share[x] * (b - a)) / divisor;
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
