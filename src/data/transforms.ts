/**
 * Functions from image to image, to be composed as in torchvision and Gluon: `compose([resize(224), toTensor()])`.
 *
 * No transform modifies its input; some return it as it is.
 *
 * @module
 */

import { OptionError, ShapeError } from "../errors.ts";
import { bilinear } from "./bilinear.ts";
import type { Image } from "./dataset.ts";

/** Makes an image of an image. */
export type Transform = (image: Image) => Image;

/** What some transforms amount to, and the device can do as well: bilinear interpolation, scaling to [0, 1]. */
export type DevicePlan = "resize and scale" | "scale";

const resizes = new WeakSet<Transform>();
const plans = new WeakMap<Transform, DevicePlan>();

/**
 * Looks up what a transform amounts to.
 *
 * @param transform Any transform.
 * @returns "scale" for `toTensor()`, "resize and scale" for `compose([resize(size), toTensor()])`, else `undefined`.
 */
export function devicePlanOf(transform: Transform): DevicePlan | undefined {
  return plans.get(transform);
}

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

/**
 * Applies transforms one after the other.
 *
 * @param transforms What to apply, first to last.
 * @returns Their composition.
 */
export function compose(transforms: readonly Transform[]): Transform {
  const composition: Transform = (image) =>
    transforms.reduce((result, next) => next(result), image);
  const [first, second, ...others] = transforms;
  if (
    resizes.has(first) && plans.get(second) === "scale" && others.length === 0
  ) {
    plans.set(composition, "resize and scale");
  }
  return composition;
}

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
  const [height, width] = _sidesOf("resize", size);
  const interpolate = bilinear(height, width);
  const transform: Transform = (image) => {
    if (image.height === height && image.width === width) return image;
    return { ...image, data: interpolate(image), height, width };
  };
  resizes.add(transform);
  return transform;
}

/**
 * Scales values to [0, 1] by dividing by the value of white.
 *
 * @returns Makes float32 images with white 1; returns such an image as it is.
 */
export function toTensor(): Transform {
  const transform: Transform = (image) => {
    const { data, maxValue } = image;
    if (maxValue === 1 && data instanceof Float32Array) return image;
    const out = new Float32Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = data[i] / maxValue;
    return { ...image, data: out, maxValue: 1 };
  };
  plans.set(transform, "scale");
  return transform;
}

/**
 * Cuts out the middle, like torchvision's `CenterCrop` (which rounds an offset of one half to the even neighbour).
 *
 * @param size Size of the output.
 * @returns Makes images of that size, with the dtype of the input; throws ShapeError if the image is smaller.
 * @throws {OptionError} If a side is not a positive integer.
 */
export function centerCrop(size: Size): Transform {
  const [height, width] = _sidesOf("centerCrop", size);
  return (image) => {
    const { data, channels } = image;
    if (image.height < height || image.width < width) {
      throw new ShapeError(
        `Cannot crop ${height}x${width} out of ${image.height}x${image.width}: resize to at least that size before centerCrop`,
      );
    }
    const top = _roundHalfEven((image.height - height) / 2);
    const left = _roundHalfEven((image.width - width) / 2);
    const stride = width * channels;
    const numValues = height * stride;
    const out = data instanceof Uint8Array
      ? new Uint8Array(numValues)
      : new Float32Array(numValues);
    for (let y = 0; y < height; y++) {
      const from = ((top + y) * image.width + left) * channels;
      out.set(data.subarray(from, from + stride), y * stride);
    }
    return { ...image, data: out, height, width };
  };
}

/** Mean and standard deviation per channel; one number stands for all channels. */
export interface NormalizeOptions {
  /** What to subtract, in terms of values in [0, 1]. */
  mean: number | readonly number[];
  /** What to divide by; not zero. */
  std: number | readonly number[];
}

/**
 * Subtracts a mean and divides by a standard deviation, per channel; comes after {@linkcode toTensor}.
 *
 * @param options Mean and standard deviation.
 * @returns Makes float32 images; throws ShapeError if an image is not scaled to [0, 1] or has other channels.
 * @throws {OptionError} If a mean is not finite, or a standard deviation is not finite or is zero.
 */
export function normalize(options: NormalizeOptions): Transform {
  const mean = [options.mean].flat();
  const std = [options.std].flat();
  if (mean.length === 0 || !mean.every(Number.isFinite)) {
    throw new OptionError("mean", options.mean, "one or more finite numbers");
  }
  if (std.length === 0 || !std.every((s) => Number.isFinite(s) && s !== 0)) {
    throw new OptionError("std", options.std, "finite numbers other than zero");
  }
  return (image) => {
    const { data, channels, maxValue } = image;
    if (maxValue !== 1) {
      throw new ShapeError(
        `Cannot normalize an image as its values must be in [0, 1] and not in [0, ${maxValue}]: put toTensor() before normalize()`,
      );
    }
    for (const [name, { length }] of Object.entries({ mean, std })) {
      if (length !== 1 && length !== channels) {
        throw new ShapeError(
          `Cannot normalize an image of ${channels} channel(s) as ${name} has ${length} numbers: give one number, or one per channel`,
        );
      }
    }
    const out = new Float32Array(data.length);
    for (let channel = 0; channel < channels; channel++) {
      const shift = mean[channel % mean.length];
      const scale = std[channel % std.length];
      for (let i = channel; i < out.length; i += channels) {
        out[i] = (data[i] - shift) / scale;
      }
    }
    return { ...image, data: out };
  };
}

function _sidesOf(option: string, size: Size): readonly [number, number] {
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
  return [sides[0], sides[1]];
}

function _roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + floor % 2 : Math.round(x);
}
