/**
 * Chooses the device that TensorFlow.js computes on and knows what that device can and cannot do.
 *
 * @module
 */

import { BackendError, OptionError } from "../errors.ts";
import {
  type AdapterDescription,
  describeAdapter,
  findAdapter,
  NO_ADAPTER_REMEDY,
  openDevice,
} from "./webgpu/run/adapter.ts";
import {
  chooseDevice,
  type NativeLibrary,
  nativeLibrary,
  whatIsMissing,
} from "./choice.ts";
import { probeMaxLoopIterations } from "./webgpu/run/probe.ts";
import { loadTf, type Tensor, tf } from "./tf.ts";

/** What to compute on: "auto" is WebGPU where there is a GPU; else the CPU, or WebGPU on it where it has no native library. */
export type Device = "auto" | "webgpu" | "cpu";

/** The values of {@linkcode Device}. */
const DEVICES: readonly Device[] = ["auto", "webgpu", "cpu"];

/** Options of `initBackend`. */
export interface BackendOptions {
  /** What to compute on. Default "auto". */
  device?: Device;
  /**
   * Largest buffer that a shader may bind, in bytes, to behave like a smaller adapter. Default: what the adapter
   * offers. Cannot change once WebGPU is in use.
   */
  maxBindingBytes?: number;
  /** Receives what the user should know, in one line each. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** The device in use and its limits. */
export interface BackendInfo {
  /** The TensorFlow.js backend in use. */
  readonly device: "webgpu" | "cpu";
  /** The WebGPU adapter, where `device` is "webgpu". */
  readonly adapter?: AdapterDescription;
  /** The library that computes, where `device` is "cpu"; without one TensorFlow.js does, in plain JavaScript. */
  readonly library?: NativeLibrary;
  /** Largest tensor that a kernel may read or write, in bytes; `Infinity` on the CPU. */
  readonly maxBindingBytes: number;
  /** Loop iterations after which a shader invocation silently stops; `Infinity` where there is no such limit. */
  readonly maxLoopIterations: number;
}

const CPU: BackendInfo = {
  device: "cpu",
  maxBindingBytes: Infinity,
  maxLoopIterations: Infinity,
};
/** One object, as it is compared. */
let native: BackendInfo | undefined;
let current: BackendInfo | undefined;
let webgpu: Promise<BackendInfo | undefined> | undefined;
/** Errors of the WebGPU device that no caller has been told of yet. */
const deviceErrors: string[] = [];

/**
 * Opens a device and has TensorFlow.js use it, with the kernels that TensorFlow.js brings.
 *
 * @param options Which device, and how to warn.
 * @returns The device in use and its limits.
 * @throws {OptionError} If an option is not one of its values.
 * @throws {BackendError} If WebGPU is asked for and there is no adapter, or its driver fails.
 */
export async function openBackend(
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
  const known = (await webgpu?.catch(() => undefined))?.adapter;
  const chosen = device === "auto" ? await chooseDevice(known) : device;
  const isWebGpu = chosen === "webgpu";
  const info = isWebGpu ? await _openWebGpu(maxBindingBytes) : undefined;
  if (isWebGpu && info === undefined) {
    throw new BackendError(
      `Cannot use WebGPU as no adapter was found: ${NO_ADAPTER_REMEDY}, or use the CPU device`,
    );
  }
  const missing = whatIsMissing(device, info?.adapter);
  if (missing !== undefined) onWarning(missing);
  current = info ?? _cpu();
  await tf.setBackend(current.device);
  return current;
}

function _cpu(): BackendInfo {
  const { library } = nativeLibrary();
  return library ? native ??= { ...CPU, library } : CPU;
}

/**
 * Has TensorFlow.js open WebGPU, when it does, on a device of ours: with the adapter's limits and subgroups, and with its
 * errors heard. Changes nothing where WebGPU is open already, or where there is no adapter.
 */
export async function prepareWebGpu(): Promise<void> {
  await loadTf();
  if ("webgpu" in tf.engine().registry) return;
  await (webgpu ??= _registerWebGpu(undefined));
}

/**
 * The device in use, if one is ready.
 *
 * @returns Its limits.
 */
export function readyBackend(): BackendInfo | undefined {
  return current;
}

/**
 * The device in use.
 *
 * @returns Its limits.
 * @throws {BackendError} If none is ready yet.
 */
export function backendInfo(): BackendInfo {
  if (current === undefined) {
    throw new BackendError(
      "Cannot compute as no device is ready: call `await initBackend()` first",
    );
  }
  return current;
}

/**
 * Reads scalar tensors from the device in one go, waiting for all work before them.
 *
 * @param scalars Tensors of one element each, any dtype; they are not disposed.
 * @returns Their values, in the same order.
 * @throws {BackendError} If the device reported an error since the last call.
 */
export async function readScalars(
  ...scalars: readonly Tensor[]
): Promise<number[]> {
  // A read costs a fixed 11 ms or so on WebGPU, whatever its size: gather first.
  const packed = tf.tidy(() =>
    tf.stack(scalars.map((s) => tf.reshape(tf.cast(s, "float32"), [])))
  );
  try {
    const values = await packed.data();
    throwIfDeviceFailed();
    return Array.from(values);
  } finally {
    packed.dispose();
  }
}

/**
 * Turns an error that the WebGPU device reported outside of any call into an exception. `fit` and `evaluate` do it
 * whenever they read; do it after reading what `predict` or `lossAndGradients` gave.
 *
 * @throws {BackendError} If the device reported an error since the last call.
 */
export function throwIfDeviceFailed(): void {
  if (deviceErrors.length === 0) return;
  const [first, ...rest] = deviceErrors.splice(0);
  throw new BackendError(
    `The WebGPU device reported: ${first}${
      rest.length > 0 ? ` (and ${rest.length} more)` : ""
    }; try a smaller batch size, or the CPU device`,
  );
}

/** Opens WebGPU once, however many ask at the same time; anew after there was no adapter or the device was lost. */
async function _openWebGpu(
  maxBindingBytes: number | undefined,
): Promise<BackendInfo | undefined> {
  webgpu ??= _registerWebGpu(maxBindingBytes);
  const info = await webgpu.catch((error) => {
    webgpu = undefined;
    throw error;
  });
  if (info === undefined) webgpu = undefined;
  else if (maxBindingBytes !== undefined) _checkBinding(info, maxBindingBytes);
  return info;
}

async function _registerWebGpu(
  maxBindingBytes: number | undefined,
): Promise<BackendInfo | undefined> {
  if ("webgpu" in tf.engine().registry) {
    throw new BackendError(
      "Cannot open WebGPU as TensorFlow.js has opened it already: call `await initBackend()` before anything uses tf's webgpu backend",
    );
  }
  const adapter = await findAdapter();
  if (adapter === null) return undefined;
  const description = describeAdapter(adapter);
  const bindingBytes = Math.min(
    maxBindingBytes ?? Infinity,
    description.limits.maxStorageBufferBindingSize,
  );
  const device = await openDevice(adapter, bindingBytes);
  _listen(device);
  const maxLoopIterations = await probeMaxLoopIterations(device);
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  // Importing it registered a backend with a device of its own, which asks Deno 2.2 to 2.8 for a malformed feature
  // list, and whose errors nobody would see.
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, adapter.info));
  return {
    device: "webgpu",
    adapter: description,
    maxBindingBytes: bindingBytes,
    maxLoopIterations,
  };
}

function _checkBinding(info: BackendInfo, maxBindingBytes: number): void {
  const offered = info.adapter?.limits.maxStorageBufferBindingSize ?? Infinity;
  if (Math.min(maxBindingBytes, offered) !== info.maxBindingBytes) {
    throw new OptionError(
      "maxBindingBytes",
      maxBindingBytes,
      `${info.maxBindingBytes}, as the WebGPU device is already open with that`,
    );
  }
}

function _listen(device: GPUDevice): void {
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    deviceErrors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  device.lost.then(({ reason, message }) => {
    if (reason === "destroyed") return;
    deviceErrors.push(`device lost: ${message}`);
    tf.removeBackend("webgpu");
    webgpu = current = undefined;
  });
}
