/**
 * Transforms that go wrong in a worker, for tests.
 *
 * @module
 */

import type { Transform } from "../../src/data/transforms/mod.ts";

const isWorker = "DedicatedWorkerGlobalScope" in globalThis;

/**
 * Makes a transform that takes its time, but only in a worker.
 *
 * @param seconds How long.
 * @returns Gives the image as it is.
 */
export function takesSeconds(seconds: number): Transform {
  return (image) => {
    const end = performance.now() + seconds * 1000;
    while (isWorker && performance.now() < end);
    return image;
  };
}

/**
 * Fails outside of any call, but only in a worker.
 *
 * @param image The image.
 * @returns The image as it is.
 */
export const throwsLater: Transform = (image) => {
  if (isWorker) {
    setTimeout(() => {
      throw new Error("boom");
    });
    const end = performance.now() + 50;
    while (performance.now() < end);
  }
  return image;
};

/**
 * Makes a transform that ends the thread, but only in a worker.
 *
 * @param how By which function.
 * @returns Gives the image as it is.
 */
export function ends(how: "close" | "exit"): Transform {
  return (image) => {
    if (isWorker && how === "close") self.close();
    if (isWorker && how === "exit") Deno.exit();
    return image;
  };
}
