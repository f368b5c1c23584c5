/**
 * Pictures of any size and form to the square that a network takes.
 *
 * @module
 */

import type { Image } from "../dataset.ts";
import { resample } from "./resample.ts";

/** How a picture that is not square is made so: "contain" and "fill" of CSS's `object-fit`. */
export type Fit = "contain" | "fill";

/** The values of {@linkcode Fit}. */
export const FITS: readonly Fit[] = ["contain", "fill"];

/**
 * Fits an image to a square.
 *
 * @param image An image of any channels.
 * @param options Height and width of the square; and whether the image keeps its form and is centred on black ("contain",
 * as the images of Fashion-MNIST are), or is stretched to it ("fill").
 * @returns `[size, size, channels]` with the value range of the input; an image of that size as it is.
 */
export function fitImage(
  image: Image,
  { size, fit }: { size: number; fit: Fit },
): Image {
  if (fit === "fill") return resample(image, { height: size, width: size });
  const scale = size / Math.max(image.height, image.width);
  const [height, width] = [image.height, image.width].map((side) =>
    Math.max(1, Math.round(side * scale))
  );
  const resized = resample(image, { height, width });
  if (height === width) return resized;
  const { channels } = image;
  const data = new Float32Array(size * size * channels);
  const top = Math.floor((size - height) / 2);
  const left = Math.floor((size - width) / 2);
  const stride = width * channels;
  for (let y = 0; y < height; y++) {
    const row = resized.data.subarray(y * stride, (y + 1) * stride);
    data.set(row, ((top + y) * size + left) * channels);
  }
  return { ...resized, data, height: size, width: size };
}
