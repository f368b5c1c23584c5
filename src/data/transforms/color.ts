/**
 * Adjustments of brightness, contrast, saturation and hue: those of torchvision 0.14 for float tensors, for any value of
 * white. All make float32 images in new memory.
 *
 * @module
 */

import type { Image } from "../dataset.ts";

/**
 * Blends with black.
 *
 * @param image An image of any channels.
 * @param factor At least 0: 0 is black, 1 the image itself, 2 twice as bright.
 * @returns float32, clamped to [0, maxValue].
 */
export function adjustBrightness(image: Image, factor: number): Image {
  return blend(image, factor, () => 0);
}

/**
 * Blends with the mean grey of the image.
 *
 * @param image An image of one or three channels.
 * @param factor At least 0: 0 is grey, 1 the image itself, 2 twice the contrast.
 * @returns float32, clamped to [0, maxValue].
 */
export function adjustContrast(image: Image, factor: number): Image {
  const { data, channels } = image;
  const greyAt = channels === 1 ? (i: number) => data[i] : greyOf(data);
  let sum = 0;
  for (let i = 0; i < data.length; i += channels) sum += greyAt(i);
  const mean = sum / (data.length / channels);
  return blend(image, factor, () => mean);
}

/**
 * Blends each pixel with its grey.
 *
 * @param image An image of three channels.
 * @param factor At least 0: 0 is black and white, 1 the image itself, 2 twice as colourful.
 * @returns float32, clamped to [0, maxValue].
 */
export function adjustSaturation(image: Image, factor: number): Image {
  return blend(image, factor, greyOf(image.data));
}

/**
 * Turns the circle of hues.
 *
 * torchvision goes to hue, saturation and value, and back by a table of six cases (`_rgb2hsv`, `_hsv2rgb`). This is the same
 * in one formula: channel c is value - range * max(0, min(k, 4 - k, 1)), where range is value * saturation and k is
 * 6 * hue + 5 - 2 c modulo 6.
 *
 * @param image An image of three channels.
 * @param factor In [-0.5, 0.5], in turns: 0 is the image itself, 1/3 makes red green, -0.5 and 0.5 make complements.
 * @returns float32, clamped to [0, maxValue]; the greatest value of each pixel and its saturation are those of the input.
 */
export function adjustHue(image: Image, factor: number): Image {
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
