/** Random erasing, of Zhong et al., "Random Erasing Data Augmentation" (2017, arXiv:1708.04896). */

import type { Extent } from "../../device/sizes.ts";
import { OptionError, ShapeError } from "../../errors.ts";
import { requireNumber } from "../../options.ts";
import type { Image } from "../dataset.ts";
import { roundHalfEven } from "./crop.ts";
import { define, type Random, type Transform } from "./transform.ts";

/** What to erase: names and defaults are those of torchvision's `RandomErasing`. */
export interface RandomErasingOptions {
  /** Probability in [0, 1]. Default 0.5. */
  p?: number;
  /** Least and greatest share of the image's area, in [0, 1]. Default [0.02, 0.33]. */
  scale?: readonly [min: number, max: number];
  /** Least and greatest height of the part over its width, above 0. Default [0.3, 3.3]. */
  ratio?: readonly [min: number, max: number];
  /**
   * What to put in its place, in the units of the image: a number, a number per channel, or "random" for noise of the
   * standard normal distribution. Default 0.
   */
  value?: number | readonly number[] | "random";
}

/** How often torchvision looks for a part that fits before it gives up. */
const NUM_ATTEMPTS = 10;

/**
 * Overwrites a random part of an image, like torchvision's `RandomErasing`. Its `value` is in the units of the image, so
 * that it usually comes last.
 *
 * The part is smaller than the image on both sides; if ten attempts find none, nothing is erased. Draws one random number
 * for the probability, two (area, logarithm of the ratio) per attempt and two for the position (top, left). For noise, it then
 * draws two for each two values.
 *
 * @param options How likely, how large and with what.
 * @returns Makes images with the dtype of the input, or float32 if `value` is "random"; returns the image as it is when
 * nothing is erased; throws ShapeError if `value` does not fit its channels, or has numbers that bytes cannot hold while the
 * image is uint8.
 * @throws {OptionError} If an option is out of its range.
 */
export function randomErasing(options: RandomErasingOptions = {}): Transform {
  const { scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options;
  const p = requireNumber("p", options.p ?? 0.5, { min: 0, max: 1 });
  if (!(isRange(scale) && scale[0] >= 0 && scale[1] <= 1)) {
    const wanted = "[min, max] with 0 <= min <= max <= 1";
    throw new OptionError("scale", scale, wanted);
  }
  if (!(isRange(ratio) && ratio[0] > 0)) {
    throw new OptionError("ratio", ratio, "[min, max] with 0 < min <= max");
  }
  const values = value === "random" ? undefined : [value].flat();
  if (values && !(values.length > 0 && values.every(Number.isFinite))) {
    const wanted = 'a finite number, one per channel, or "random"';
    throw new OptionError("value", value, wanted);
  }
  // Copies, as the caller may change them later.
  const ranges = structuredClone({ scale, ratio });
  return define(
    (image, random = Math.random) => {
      if (values) checkValues(values, image);
      if (random() >= p) return image;
      const part = drawPart(image, { ...ranges, random });
      // On a small image, the sides of a small part round to zero.
      if (!part || part.height * part.width === 0) return image;
      if (values) {
        return overwrite(image, part, (c) => values[c % values.length]);
      }
      const floats = { ...image, data: Float32Array.from(image.data) };
      const noise = normal(random);
      return overwrite(floats, part, () => noise.next().value);
    },
    {
      name: "randomErasing",
      args: [options],
      description: `erase a random part with probability ${p}`,
    },
  );
}

function isRange(range: readonly number[]): boolean {
  return range?.length === 2 && range.every(Number.isFinite) &&
    range[0] <= range[1];
}

function checkValues(values: readonly number[], image: Image): void {
  const { data, channels } = image;
  if (values.length !== 1 && values.length !== channels) {
    throw new ShapeError(
      `Cannot erase a part of an image of ${channels} channel(s) as value has ${values.length} numbers: give one number, or one per channel`,
    );
  }
  const isByte = (value: number) =>
    Number.isInteger(value) && value >= 0 && value <= 255;
  if (data instanceof Uint8Array && !values.every(isByte)) {
    throw new ShapeError(
      `Cannot erase a part of a uint8 image as value must be integers from 0 to 255: current value is ${values}; put toTensor() before randomErasing()`,
    );
  }
}

type Part = Extent & { top: number; left: number };

function drawPart(
  image: Extent,
  { scale, ratio, random }: {
    scale: readonly number[];
    ratio: readonly number[];
    random: Random;
  },
): Part | undefined {
  const [low, high] = ratio.map(Math.log);
  for (let attempt = 0; attempt < NUM_ATTEMPTS; attempt++) {
    const share = scale[0] + random() * (scale[1] - scale[0]);
    const area = image.height * image.width * share;
    const aspect = Math.exp(low + random() * (high - low));
    const height = roundHalfEven(Math.sqrt(area * aspect));
    const width = roundHalfEven(Math.sqrt(area / aspect));
    if (height >= image.height || width >= image.width) continue;
    const top = Math.floor(random() * (image.height - height + 1));
    const left = Math.floor(random() * (image.width - width + 1));
    return { top, left, height, width };
  }
}

/** Copies an image, with other values in a part of it. */
function overwrite(
  image: Image,
  { top, left, height, width }: Part,
  valueOf: (channel: number) => number,
): Image {
  const { channels } = image;
  const data = image.data.slice();
  for (let y = top; y < top + height; y++) {
    const first = (y * image.width + left) * channels;
    for (let i = 0; i < width * channels; i++) {
      data[first + i] = valueOf(i % channels);
    }
  }
  return { ...image, data };
}

/** Makes standard normal numbers, which come in twos (Box and Muller, 1958). */
function* normal(random: Random): Generator<number, never> {
  for (;;) {
    // 1 - u is in (0, 1], so that its logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    yield radius * Math.cos(angle);
    yield radius * Math.sin(angle);
  }
}
