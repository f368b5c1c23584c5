/**
 * Makes a device ready, with our kernels on it.
 *
 * @module
 */

import {
  type BackendInfo,
  type BackendOptions,
  openBackend,
  readyBackend,
} from "./backend.ts";
import { findOneDnn } from "./onednn/library/library.ts";
import { registerNative } from "./drop_in/register_native.ts";
import { registerKernels } from "./drop_in/register.ts";

/**
 * Makes a device ready and has TensorFlow.js use it, with the kernels of this package, which on the CPU are
 * oneDNN's. Call it first; calling
 * it again is cheap and may switch device (tensors stay on the device they were made on).
 *
 * @example
 * ```ts
 * import { initBackend } from "@x/alexnet";
 *
 * const { device, adapter } = await initBackend({ device: "auto" });
 * console.log(device, adapter?.name);
 * ```
 *
 * @param options Which device, and how to warn.
 * @returns The device in use and its limits.
 * @throws {OptionError} If an option is not one of its values.
 * @throws {BackendError} If WebGPU is asked for and there is no adapter, or its driver fails.
 */
export async function initBackend(
  options: BackendOptions = {},
): Promise<BackendInfo> {
  const info = await openBackend(options);
  if (info.device === "webgpu") await registerKernels();
  const library = info.library && findOneDnn().library;
  if (library) registerNative(library);
  return info;
}

/**
 * The device in use, made ready with the defaults of {@linkcode initBackend} if none is.
 *
 * @returns The device in use and its limits.
 */
export async function ensureBackend(): Promise<BackendInfo> {
  return readyBackend() ?? await initBackend();
}
