/** Transforms of the values of images, one by one. */

import { OptionError, ShapeError } from "../../errors.ts";
import { define, memoryFor, type Transform } from "./transform.ts";

/**
 * Scales values to [0, 1] by dividing by the value of white.
 *
 * @returns Makes float32 images with white 1; returns such an image as it is.
 */
export function toTensor(): Transform {
  return define(
    (image, _, memory) => {
      const { data, maxValue } = image;
      if (maxValue === 1 && data instanceof Float32Array) return image;
      const out = memoryFor(data.length, memory);
      for (let i = 0; i < out.length; i++) out[i] = data[i] / maxValue;
      return { ...image, data: out, maxValue: 1 };
    },
    {
      name: "toTensor",
      args: [],
      description: "scale to [0, 1]",
      onDevice: { kind: "scale" },
    },
  );
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
  return define(
    (image, _, memory) => {
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
      const out = memoryFor(data.length, memory);
      for (let channel = 0; channel < channels; channel++) {
        const shift = mean[channel % mean.length];
        const scale = std[channel % std.length];
        for (let i = channel; i < out.length; i += channels) {
          out[i] = (data[i] - shift) / scale;
        }
      }
      return { ...image, data: out };
    },
    {
      name: "normalize",
      args: [{ mean, std }],
      description: `normalize by mean ${mean} and std ${std}`,
      onDevice: { kind: "normalize", mean, std },
    },
  );
}
