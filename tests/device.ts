/**
 * Computing the same on WebGPU, on the CPU with native kernels, and on the CPU backend of TensorFlow.js as it comes, in one
 * process.
 *
 * Tensors stay on the backend they were made on, so each computation makes its own and only numbers are compared.
 */

import {
  type BackendInfo,
  setDevice,
  throwIfDeviceFailed,
} from "../src/device/device.ts";
import {
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "../src/device/webgpu/run/adapter.ts";
import { type BackendOptions, initBackend } from "../src/device/open.ts";
import { findOneDnn } from "../src/device/onednn/library/library.ts";
import { type Tensor, tf } from "../src/device/tf.ts";
import { TFJS_DEVICE } from "../src/device/tfjs/tfjs_device.ts";

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

/** A device that has kernels of ours. */
export type KernelDevice = "webgpu" | "cpu";

/**
 * Registers a test once for each device that has kernels of ours: WebGPU, and the CPU with oneDNN. Where there is none, it is
 * ignored, and its name says why.
 *
 * @param name Name of the test.
 * @param fn The test.
 */
export function deviceTest(
  name: string,
  fn: (device: KernelDevice) => void | Promise<void>,
): void {
  webgpuTest(`${name}, on WebGPU`, () => fn("webgpu"));
  const { missing } = findOneDnn();
  Deno.test({
    name: `${name}, on the CPU${missing ? ` (ignored, as ${missing})` : ""}`,
    ignore: missing !== undefined,
    fn: () => fn("cpu"),
  });
}

/**
 * Makes a device ready, with every kernel on it: by default tfjs computes small tensors on the CPU instead.
 *
 * @param device Which device; "plain" is the CPU backend of TensorFlow.js as it comes.
 * @param options Other options of `initBackend`.
 * @returns The device and its limits.
 */
export async function use(
  device: KernelDevice | "plain",
  options: BackendOptions = {},
): Promise<BackendInfo> {
  const isPlain = device === "plain";
  const info = await initBackend({
    onWarning: () => {},
    ...options,
    device: isPlain ? "cpu" : device,
  });
  if (isPlain) setDevice(TFJS_DEVICE);
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
 * Computes the same tensors on WebGPU and on the CPU backend of TensorFlow.js as it comes.
 *
 * @param compute Makes tensors on the device in use; what else it makes is freed.
 * @returns The values of each tensor, from either.
 */
export async function readBoth(
  compute: () => readonly Tensor[],
): Promise<{ webgpu: Float32Array[]; cpu: Float32Array[] }> {
  const { actual, expected } = await againstPlain(compute)("webgpu");
  return { webgpu: actual, cpu: expected };
}

/**
 * Computes the same tensors on devices and, once for all, on the CPU backend of TensorFlow.js as it comes.
 *
 * @param compute Makes tensors on the device in use; what else it makes is freed.
 * @returns Given a device, the values of each tensor, from either.
 */
export function againstPlain(
  compute: () => readonly Tensor[],
): (
  device: KernelDevice,
) => Promise<{ actual: Float32Array[]; expected: Float32Array[] }> {
  let expected: Float32Array[] | undefined;
  return async (device) => {
    await use(device);
    const actual = await read(compute);
    if (expected === undefined) {
      await use("plain");
      expected = await read(compute);
    }
    return { actual, expected };
  };
}
