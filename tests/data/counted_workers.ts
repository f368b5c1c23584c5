/**
 * What tests of workers share: images, their batches, and a count of the workers that are alive, and
 * another number of cores.
 */

import type { ArrayBatch } from "../../src/data/loader/batch.ts";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import type { DataLoader } from "../../src/data/loader/data_loader.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { numbers } from "../numbers.ts";

/** Thirty images of 7x6 pixels and three channels. */
export function colorful(): Dataset {
  return arrayDataset({
    images: {
      shape: [30, 7, 6, 3],
      data: Uint8Array.from(numbers(30 * 7 * 6 * 3, [0, 256])),
    },
    labels: {
      shape: [30],
      data: Uint8Array.from({ length: 30 }, (_, i) => i % 3),
    },
    classNames: ["a", "b", "c"],
  });
}

/** Makes all batches of an epoch on the host. */
export async function batchesOf(
  loader: DataLoader,
  epoch = 0,
): Promise<ArrayBatch[]> {
  return await Array.fromAsync(loader.arrays({ epoch }));
}

/** Counts the workers that are alive and that were started, until it is disposed. */
export function countWorkers():
  & { alive: number; started: number }
  & Disposable {
  const { Worker } = globalThis;
  const count = {
    alive: 0,
    started: 0,
    [Symbol.dispose]() {
      globalThis.Worker = Worker;
    },
  };
  globalThis.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      count.alive++;
      count.started++;
    }
    override terminate(): void {
      super.terminate();
      count.alive--;
    }
  };
  return count;
}

/** Makes this machine look like one with so many cores, until it is disposed. */
export function pretendCores(cores: number): Disposable {
  const options = { value: cores, configurable: true };
  Object.defineProperty(navigator, "hardwareConcurrency", options);
  return {
    [Symbol.dispose]() {
      // What is inherited shows again.
      Reflect.deleteProperty(navigator, "hardwareConcurrency");
    },
  };
}
