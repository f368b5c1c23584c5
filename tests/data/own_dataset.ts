/** Data sets of a user's own, in a module that tests and workers import. */

import type { Dataset } from "../../src/data/dataset.ts";
import { subset } from "../../src/data/split.ts";

/** Rows and columns of an image. */
const SIDE = 6;

/** Makes images of stripes, which differ from index to index. */
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

/** Makes the same after some time. */
export async function openStripes(length: number): Promise<Dataset> {
  await Promise.resolve();
  return makeStripes(length);
}

/** Twelve of them. */
export const stripes: Dataset = makeStripes(12);

/** Makes a part of a data set, the label of whose samples says who gets them. */
export function makeReaders(length: number): Dataset {
  const label = "DedicatedWorkerGlobalScope" in globalThis ? 1 : 0;
  const { get, ...rest } = makeStripes(length);
  const whole: Dataset = {
    ...rest,
    classNames: ["the main thread", "a worker"],
    get: (index) => ({ ...get(index), label }),
  };
  return subset(whole, Array.from({ length }, (_, i) => length - 1 - i));
}
