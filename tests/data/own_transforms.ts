/** Transforms of a user's own, in a module that tests and workers import. */

import type { Random, Transform } from "../../src/data/transforms/mod.ts";

/** Exchanges black and white. */
export const invert: Transform = (image) => ({
  ...image,
  data: image.data.map((value) => image.maxValue - value),
});

/** Adds uniform noise, one random number per value. */
export function addNoise(amount: number): Transform {
  return (image, random: Random = Math.random) => ({
    ...image,
    data: Float32Array.from(image.data, (value) => value + amount * random()),
  });
}

/** An export that is no transform. */
export const version = 3;
