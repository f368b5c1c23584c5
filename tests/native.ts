/** The CPU with native kernels as a device to test, and without them as what it is compared with. */

import type { CpuBackend } from "../src/device/tfjs/cpu_backend.ts";
import {
  findOneDnn,
  type OneDnn,
} from "../src/device/onednn/library/library.ts";
import { tf } from "../src/device/tf.ts";
import { initBackend } from "../src/device/open.ts";
import { device, setDevice } from "../src/device/device.ts";
import { TFJS_DEVICE } from "../src/device/tfjs/tfjs_device.ts";

const { library, missing } = findOneDnn();

/**
 * Registers a test that needs the CPU's native library, which is in use when it runs; where there is none it is ignored,
 * and its name says why.
 *
 * @param name Name of the test.
 * @param fn The test.
 */
export function nativeTest(
  name: string,
  fn: (library: OneDnn) => void | Promise<void>,
): void {
  Deno.test({
    name: library ? name : `${name} (ignored, ${missing})`,
    ignore: library === undefined,
    async fn() {
      await nativeBackend();
      await fn(library!);
    },
  });
}

/**
 * Makes the CPU with native kernels ready.
 *
 * @returns The backend of TensorFlow.js.
 */
export async function nativeBackend(): Promise<CpuBackend> {
  await initBackend({ device: "cpu" });
  return tf.backend() as CpuBackend;
}

/**
 * Computes with TensorFlow.js's plain kernels.
 *
 * @param compute What to compute on the CPU; nothing else runs meanwhile.
 * @returns What it gives.
 */
export async function plainly<T>(compute: () => T | Promise<T>): Promise<T> {
  const inUse = device();
  setDevice(TFJS_DEVICE);
  try {
    return await compute();
  } finally {
    setDevice(inUse);
  }
}
