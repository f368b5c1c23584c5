/** Transforms that go wrong in a worker, for tests. */

import type { Transform } from "../../src/data/transforms/mod.ts";

const isWorker = "DedicatedWorkerGlobalScope" in globalThis;

/** Makes a transform that sets `begun[0]` to 1, wakes whoever waits for that, and does not return, but only in a worker. */
export function waits(begun: Int32Array<SharedArrayBuffer>): Transform {
  return (image) => {
    if (!isWorker) return image;
    Atomics.store(begun, 0, 1);
    Atomics.notify(begun, 0);
    for (;;) Atomics.wait(begun, 0, 1);
  };
}

/** Fails outside of any call, but only in a worker. */
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

/** Makes a transform that ends the thread, but only in a worker. */
export function ends(how: "close" | "exit"): Transform {
  return (image) => {
    if (isWorker && how === "close") self.close();
    if (isWorker && how === "exit") Deno.exit();
    return image;
  };
}
