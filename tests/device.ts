/**
 * Computing the same on WebGPU and on the CPU backend of TensorFlow.js, in one process.
 *
 * Tensors stay on the backend they were made on, so each computation makes its own and only numbers are compared.
 *
 * @module
 */

import { findAdapter, NO_ADAPTER_REMEDY } from "../src/backend/adapter.ts";
import {
  type BackendInfo,
  type BackendOptions,
  throwIfDeviceFailed,
} from "../src/backend/backend.ts";
import { type Tensor, tf } from "../src/backend/tf.ts";
import { initBackend } from "../src/kernels/init.ts";

const isMissing = await findAdapter() === null;

/**
 * Registers a test that needs a WebGPU adapter; where there is none it is ignored, and its name says why.
 *
 * @param name Name of the test.
 * @param fn The test.
 */
export function webgpuTest(name: string, fn: () => void | Promise<void>): void {
  const reason = `no WebGPU adapter: ${NO_ADAPTER_REMEDY}`;
  Deno.test({
    name: isMissing ? `${name} (ignored, ${reason})` : name,
    ignore: isMissing,
    fn,
  });
}

/**
 * Makes a device ready, with every kernel on it: by default tfjs computes small tensors on the CPU instead.
 *
 * @param device Which device.
 * @param options Other options of `initBackend`.
 * @returns The device and its limits.
 */
export async function use(
  device: "webgpu" | "cpu",
  options: BackendOptions = {},
): Promise<BackendInfo> {
  const info = await initBackend({ ...options, device });
  if (device === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  return info;
}

/**
 * Computes tensors and reads them.
 *
 * @param compute Makes tensors on the device in use; what else it makes is freed.
 * @returns The values of each tensor.
 */
export async function read(
  compute: () => readonly Tensor[],
): Promise<Float32Array<ArrayBuffer>[]> {
  const tensors = tf.tidy(() => [...compute()]);
  const values: Float32Array<ArrayBuffer>[] = [];
  for (const tensor of tensors) {
    values.push(Float32Array.from(await tensor.data()));
    tensor.dispose();
  }
  throwIfDeviceFailed();
  return values;
}

/**
 * Computes the same tensors on both devices.
 *
 * @param compute Makes tensors on the device in use; what else it makes is freed.
 * @returns The values of each tensor, from WebGPU and from the CPU backend.
 */
export async function readBoth(
  compute: () => readonly Tensor[],
): Promise<{ webgpu: Float32Array[]; cpu: Float32Array[] }> {
  await use("webgpu");
  const webgpu = await read(compute);
  await use("cpu");
  return { webgpu, cpu: await read(compute) };
}
