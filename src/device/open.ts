/** Chooses the device to compute on, and makes it ready: the only place that does. */

import type { KernelBackend } from "@tensorflow/tfjs-core";
import { BackendError, OptionError } from "../errors.ts";
import {
  type AdapterDescription,
  type BackendInfo,
  type NativeLibrary,
  readyDevice,
  setDevice,
} from "./device.ts";
import { registerKernels } from "./drop_in/register.ts";
import { registerNative } from "./drop_in/register_native.ts";
import { findOneDnn } from "./onednn/library/library.ts";
import { oneDnnDevice } from "./onednn/onednn_device.ts";
import { loadTf, tf } from "./tf.ts";
import { TFJS_DEVICE } from "./tfjs/tfjs_device.ts";
import { openedWebGpu, openWebGpu } from "./webgpu/open_webgpu.ts";
import {
  describeAdapter,
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "./webgpu/run/adapter.ts";

/** What to compute on: "auto" is WebGPU where there is a GPU; else the CPU, or WebGPU on it where it has no native library. */
export type DeviceName = "auto" | "webgpu" | "cpu";

/** The values of {@linkcode DeviceName}. */
const DEVICES: readonly DeviceName[] = ["auto", "webgpu", "cpu"];

/** Options of `initBackend`. */
export interface BackendOptions {
  /** What to compute on. Default "auto". */
  device?: DeviceName;
  /**
   * Largest buffer that a shader may bind, in bytes, to behave like a smaller adapter. Default: what the adapter
   * offers. Cannot change once WebGPU is in use.
   */
  maxBindingBytes?: number;
  /** Receives what the user should know, in one line each. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/**
 * Makes a device ready and has TensorFlow.js use it, with the kernels of this package, which on the CPU are oneDNN's. Call it
 * first. Calling it again is cheap, and may switch device; tensors stay on the device that they were made on.
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
  const { device = "auto", maxBindingBytes, onWarning = console.warn } =
    options;
  if (!DEVICES.includes(device)) {
    throw new OptionError("device", device, `one of ${DEVICES.join(", ")}`);
  }
  if (maxBindingBytes !== undefined && !(maxBindingBytes >= 1)) {
    throw new OptionError("maxBindingBytes", maxBindingBytes, "at least 1");
  }
  await loadTf();
  const chosen = device === "auto" ? await chooseDevice() : device;
  const isWebGpu = chosen === "webgpu";
  const info = isWebGpu ? await openWebGpu(maxBindingBytes) : openCpu();
  if (info === undefined) {
    throw new BackendError(
      `Cannot use WebGPU as no adapter was found: ${NO_ADAPTER_REMEDY}, or use the CPU device`,
    );
  }
  const missing = whatIsMissing(device, info.adapter);
  if (missing !== undefined) onWarning(missing);
  await tf.setBackend(info.device);
  if (isWebGpu) await registerKernels();
  return info;
}

/** The device in use, made ready with the defaults of {@linkcode initBackend} if none is. */
export async function ensureBackend(): Promise<BackendInfo> {
  return readyDevice()?.info ?? await initBackend();
}

/** The CPU, with its library if there is one. */
function openCpu(): BackendInfo {
  const { library } = nativeLibrary();
  if (library) registerNative();
  const device = library ? oneDnnDevice(library) : TFJS_DEVICE;
  setDevice(device);
  return device.info;
}

/** The library or, in words that complete "as ...", why there is none. */
type FoundLibrary =
  | { readonly library: NativeLibrary; readonly missing?: undefined }
  | { readonly library?: undefined; readonly missing: string };

/** Looks for the library that the CPU computes with. */
export function nativeLibrary(): FoundLibrary {
  // Its kernels need the memory of the backend that `loadTf` registers.
  const backend: KernelBackend | null = tf.findBackend("cpu");
  if (backend === null || !("arrays" in backend)) {
    return {
      missing:
        "oneDNN cannot be used as TensorFlow.js's CPU backend was in use before: call `await initBackend()` first",
    };
  }
  const { library, missing } = findOneDnn();
  if (library === undefined) return { missing };
  const { version, path, threads } = library;
  return { library: { name: "oneDNN", version, path, threads } };
}

/** Chooses the device that is likely the fastest: a GPU, else the CPU with its library, else whatever there is. */
async function chooseDevice(): Promise<"webgpu" | "cpu"> {
  const known = (await openedWebGpu())?.adapter;
  const found = known === undefined ? await findAdapter() : null;
  const adapter = known ?? (found && describeAdapter(found));
  if (adapter === null) return "cpu";
  const isSlow = adapter.isSoftware && nativeLibrary().library !== undefined;
  return isSlow ? "cpu" : "webgpu";
}

/** Says what would make training much faster; nothing where the device is as fast as it can be, or was asked for by name. */
function whatIsMissing(
  asked: DeviceName,
  adapter: AdapterDescription | undefined,
): string | undefined {
  if (asked === "webgpu" || adapter?.isSoftware === false) return;
  const { missing } = nativeLibrary();
  if (missing === undefined) return;
  if (adapter === undefined) {
    const found = asked === "cpu"
      ? ""
      : `no WebGPU adapter was found (${NO_ADAPTER_REMEDY}) and `;
    return `This runs on the CPU in plain JavaScript, hundreds of times slower than with oneDNN, as ${found}${missing}`;
  }
  return `This runs on a software WebGPU adapter, several times slower than the CPU with oneDNN, as ${missing}`;
}
