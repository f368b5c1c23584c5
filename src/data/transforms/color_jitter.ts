/** Random changes of brightness, contrast, saturation and hue. */

import { OptionError, ShapeError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import { define, type Random, type Transform } from "./transform.ts";

/** How far to change the colours: names and meaning are those of torchvision's `ColorJitter`. */
export interface ColorJitterOptions {
  /** Factor, drawn from [max(0, 1 - brightness), 1 + brightness] or from [min, max]; at least 0. Default 0. */
  brightness?: number | readonly [min: number, max: number];
  /** Factor, drawn from [max(0, 1 - contrast), 1 + contrast] or from [min, max]; at least 0. Default 0. */
  contrast?: number | readonly [min: number, max: number];
  /** Factor, drawn from [max(0, 1 - saturation), 1 + saturation] or from [min, max]; at least 0. Default 0. */
  saturation?: number | readonly [min: number, max: number];
  /** Turns of the circle of hues, drawn from [-hue, hue] or from [min, max]; within [-0.5, 0.5]. Default 0. */
  hue?: number | readonly [min: number, max: number];
}

/** In the order of torchvision's `get_params`. Each makes float32, clamped to [0, maxValue]. */
const ADJUSTMENTS = [
  { name: "brightness", adjust: adjustBrightness, needsColors: false },
  { name: "contrast", adjust: adjustContrast, needsColors: false },
  { name: "saturation", adjust: adjustSaturation, needsColors: true },
  { name: "hue", adjust: adjustHue, needsColors: true },
] as const;

/**
 * Changes brightness, contrast, saturation and hue at random, in a random order, like torchvision's `ColorJitter` on float
 * tensors: values are clamped to those from black to white after each change and never rounded, which torchvision does for
 * uint8 tensors. Comes before {@linkcode normalize}.
 *
 * Draws three random numbers for the order, then one for each of brightness, contrast, saturation and hue that is asked for.
 *
 * @param options How far.
 * @returns Makes float32 images with the value range of the input; throws ShapeError if an image has neither three channels
 * nor, with neither saturation nor hue asked for, one.
 * @throws {OptionError} If an option is out of its range.
 */
export function colorJitter(options: ColorJitterOptions = {}): Transform {
  const ranges = ADJUSTMENTS.map(({ name }) => rangeOf(name, options[name]));
  const used = ADJUSTMENTS.filter((_, i) => ranges[i] !== undefined);
  const colored = used.flatMap((a) => a.needsColors ? [a.name] : [])
    .join(" and ");
  const changes = used.map(({ name }) => {
    const given = options[name];
    const isRange = typeof given === "object";
    return `${name} ${isRange ? given.join(" to ") : `by ${given}`}`;
  });
  return define(
    (image, random = Math.random) => {
      checkChannels(image, colored);
      const order = drawOrder(random);
      const factors = ranges.map((range) =>
        range && range[0] + random() * (range[1] - range[0])
      );
      const result = order.reduce((changed, i) => {
        const factor = factors[i];
        if (factor === undefined) return changed;
        return ADJUSTMENTS[i].adjust(changed, factor);
      }, image);
      return result.data instanceof Float32Array
        ? result
        : { ...result, data: Float32Array.from(result.data) };
    },
    {
      name: "colorJitter",
      args: [options],
      description: `jitter ${changes.join(", ") || "nothing"}`,
    },
  );
}

/** The range that factors are drawn from; `undefined` if no factor changes anything. */
function rangeOf(
  name: keyof ColorJitterOptions,
  given: number | readonly number[] = 0,
): readonly number[] | undefined {
  const isHue = name === "hue";
  const center = isHue ? 0 : 1;
  const [least, most] = isHue ? [-0.5, 0.5] : [0, Infinity];
  const isNumber = typeof given === "number";
  const [min, max] = isNumber ? [center - given, center + given] : given ?? [];
  const isPossible = isNumber
    ? given >= 0 && max <= most
    : given?.length === 2 && least <= min && min <= max && max <= most;
  if (!isPossible || !Number.isFinite(max)) {
    throw new OptionError(
      name,
      given,
      isHue
        ? "a number from 0 to 0.5, or [min, max] with -0.5 <= min <= max <= 0.5"
        : "a number of at least 0, or [min, max] with 0 <= min <= max",
    );
  }
  if (min === center && max === center) return undefined;
  return [Math.max(least, min), max];
}

/** `colored` are the changes that need colours, in words. */
function checkChannels({ channels }: Image, colored: string): void {
  if (channels === 3 || (channels === 1 && colored === "")) return;
  throw new ShapeError(
    channels === 1
      ? `Cannot jitter ${colored} of an image of 1 channel as it has no colours: leave out ${colored}`
      : `Cannot jitter the colours of an image of ${channels} channels as it must have 3 (or 1): use images of red, green and blue`,
  );
}

/** A random order of the four (Fisher-Yates). */
function drawOrder(random: Random): number[] {
  const order = ADJUSTMENTS.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Blends with black: 0 is black, 1 the image itself, 2 twice as bright. */
function adjustBrightness(image: Image, factor: number): Image {
  return blend(image, factor, () => 0);
}

/** Blends with the mean grey of the image: 0 is grey, 1 the image itself, 2 twice the contrast. */
function adjustContrast(image: Image, factor: number): Image {
  const { data, channels } = image;
  const greyAt = channels === 1 ? (i: number) => data[i] : greyOf(data);
  let sum = 0;
  for (let i = 0; i < data.length; i += channels) sum += greyAt(i);
  const mean = sum / (data.length / channels);
  return blend(image, factor, () => mean);
}

/** Blends each pixel with its grey: 0 is black and white, 1 the image itself, 2 twice as colourful. */
function adjustSaturation(image: Image, factor: number): Image {
  return blend(image, factor, greyOf(image.data));
}

/**
 * Turns the circle of hues by a factor in [-0.5, 0.5]: 0 is the image itself, 1/3 makes red green, -0.5 and 0.5 make complements.
 *
 * torchvision goes to hue, saturation and value, and back by a table of six cases (`_rgb2hsv`, `_hsv2rgb`). This is the same
 * in one formula: channel c is value - range * max(0, min(k, 4 - k, 1)), where range is value * saturation and k is
 * 6 * hue + 5 - 2 c modulo 6.
 */
function adjustHue(image: Image, factor: number): Image {
  const { data, maxValue } = image;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i];
    const g = data[i + 1];
    const b = data[i + 2];
    const value = Math.max(r, g, b);
    const range = value - Math.min(r, g, b);
    const sixths = hueOf(r, g, b) + 6 * factor;
    for (let c = 0; c < 3; c++) {
      const turned = sixths + 5 - 2 * c;
      const k = turned - 6 * Math.floor(turned / 6);
      const loss = Math.max(0, Math.min(k, 4 - k, 1));
      out[i + c] = Math.min(maxValue, Math.max(0, value - range * loss));
    }
  }
  return { ...image, data: out };
}

/** Where on the circle of hues a colour is, in sixths of a turn: red is 0, green 2, blue 4; grey is put at 0. */
function hueOf(r: number, g: number, b: number): number {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return 0;
  if (value === r) return (g - b) / range;
  return value === g ? 2 + (b - r) / range : 4 + (r - g) / range;
}

/** Weighs an image with `factor` and something else, given for the place of a pixel's first value, with 1 - `factor`. */
function blend(
  image: Image,
  factor: number,
  otherAt: (first: number) => number,
): Image {
  const { data, channels, maxValue } = image;
  const out = new Float32Array(data.length);
  for (let first = 0; first < data.length; first += channels) {
    const other = (1 - factor) * otherAt(first);
    for (let i = first; i < first + channels; i++) {
      const value = factor * data[i] + other;
      out[i] = Math.min(maxValue, Math.max(0, value));
    }
  }
  return { ...image, data: out };
}

/** The luma of ITU-R BT.601, with torchvision's digits (they add up to 0.9999). */
function greyOf(data: Image["data"]): (first: number) => number {
  return (i) => 0.2989 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
}
