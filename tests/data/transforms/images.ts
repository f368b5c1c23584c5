/** Small images to transform, and random numbers that are chosen. */

import type { Image } from "../../../src/data/dataset.ts";
import { uniforms } from "../../../src/random.ts";

/** An image of random bytes, the same in every run. */
export function image(height: number, width: number, channels = 1): Image {
  const length = height * width * channels;
  const random = uniforms(length, { seed: length, stream: 7 });
  const data = Uint8Array.from(random, (value) => value * 256);
  return { data, height, width, channels, maxValue: 255 };
}

/** An image of given bytes. */
export function grey(height: number, width: number, values: number[]): Image {
  const data = Uint8Array.from(values);
  return { data, height, width, channels: 1, maxValue: 255 };
}

/** Draws given numbers, then fails. */
export function drawing(
  draws: readonly number[],
): { random: () => number; left: () => number } {
  let drawn = 0;
  const random = () => {
    if (drawn === draws.length) throw new Error(`more than ${drawn} draws`);
    return draws[drawn++];
  };
  return { random, left: () => draws.length - drawn };
}
