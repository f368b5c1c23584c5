/**
 * The CPU device with its library, for benches.
 *
 * @module
 */

import { initBackend, nativeLibrary } from "../src/device/open.ts";

/**
 * Has TensorFlow.js compute on the CPU with native kernels.
 *
 * @returns The library with its version, for example "oneDNN 2.6.3"; or, in words that complete "left out:", why there is none.
 */
export async function openCpu(): Promise<
  { name: string; threads?: number } | string
> {
  // Without the library there is nothing to measure: TensorFlow.js alone takes minutes for an image of AlexNet's.
  const { library } = await initBackend({ device: "cpu", onWarning() {} });
  if (library === undefined) return nativeLibrary().missing!;
  const { name, version, threads } = library;
  return { name: `${name} ${version}`, threads };
}
