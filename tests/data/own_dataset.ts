/**
 * Data sets of a user's own, in a module that tests and workers import.
 *
 * @module
 */

import type { Dataset } from "../../src/data/dataset.ts";

/** Rows and columns of an image. */
const SIDE = 6;

/**
 * Makes images of stripes, which differ from index to index.
 *
 * @param length Number of samples.
 * @param isBroken Whether to fail for index 7. Default false.
 * @returns Data set of 6x6 images in two classes.
 */
export function makeStripes(length: number, isBroken = false): Dataset {
  return {
    length,
    classNames: ["even", "odd"],
    get(index) {
      if (isBroken && index === 7) throw new Error("broken stripe");
      const data = Uint8Array.from(
        { length: SIDE * SIDE },
        (_, i) => (index * 37 + (i % SIDE) * 11) % 256,
      );
      return {
        image: { data, height: SIDE, width: SIDE, channels: 1, maxValue: 255 },
        label: index % 2,
      };
    },
  };
}

/**
 * Makes the same after some time.
 *
 * @param length Number of samples.
 * @returns A promise of the data set.
 */
export async function openStripes(length: number): Promise<Dataset> {
  await Promise.resolve();
  return makeStripes(length);
}

/** Twelve of them. */
export const stripes: Dataset = makeStripes(12);
