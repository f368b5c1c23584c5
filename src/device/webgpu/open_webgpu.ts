/**
 * Opens WebGPU, once per process, as a backend of TensorFlow.js on a device of ours: with the adapter's limits and subgroups,
 * and with its errors heard.
 */

import { BackendError, OptionError } from "../../errors.ts";
import {
  type BackendInfo,
  dropDevice,
  reportFailure,
  setDevice,
} from "../device.ts";
import { loadTf, tf } from "../tf.ts";
import {
  describeAdapter,
  findAdapter,
  probeMaxLoopIterations,
  requestDevice,
} from "./run/adapter.ts";
import { webgpuDevice } from "./webgpu_device.ts";

let opening: Promise<BackendInfo | undefined> | undefined;

/** Opens WebGPU, unless it is open. */
export async function openWebGpu(
  maxBindingBytes?: number,
): Promise<BackendInfo | undefined> {
  await loadTf();
  opening ??= register(maxBindingBytes);
  const info = await opening.catch((error) => {
    opening = undefined;
    throw error;
  });
  if (info === undefined) opening = undefined;
  else if (maxBindingBytes !== undefined) checkBinding(info, maxBindingBytes);
  return info;
}

/** What WebGPU can do, if it is open. */
export async function openedWebGpu(): Promise<BackendInfo | undefined> {
  return await opening?.catch(() => undefined);
}

/**
 * Has TensorFlow.js open WebGPU, when it does, on a device of ours. Changes nothing where WebGPU is open already, or where
 * there is no adapter.
 */
export async function prepareWebGpu(): Promise<void> {
  await loadTf();
  if ("webgpu" in tf.engine().registry) return;
  await (opening ??= register(undefined));
}

async function register(
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
  const device = await requestDevice(adapter, bindingBytes);
  listen(device);
  const maxLoopIterations = await probeMaxLoopIterations(device);
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  // Importing it registered a backend with a device of its own, which asks Deno 2.2 to 2.8 for a malformed feature
  // list, and whose errors nobody would see.
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, adapter.info));
  const info = {
    device: "webgpu" as const,
    adapter: description,
    maxBindingBytes: bindingBytes,
    maxLoopIterations,
  };
  setDevice(webgpuDevice(info));
  return info;
}

function checkBinding(info: BackendInfo, maxBindingBytes: number): void {
  const offered = info.adapter?.limits.maxStorageBufferBindingSize ?? Infinity;
  if (Math.min(maxBindingBytes, offered) !== info.maxBindingBytes) {
    throw new OptionError(
      "maxBindingBytes",
      maxBindingBytes,
      `${info.maxBindingBytes}, as the WebGPU device is already open with that`,
    );
  }
}

/** Hears the errors of a device, which otherwise print nothing and throw nowhere. */
function listen(device: GPUDevice): void {
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    reportFailure((event as GPUUncapturedErrorEvent).error.message);
  });
  device.lost.then(({ reason, message }) => {
    if (reason === "destroyed") return;
    reportFailure(`device lost: ${message}`);
    tf.removeBackend("webgpu");
    opening = undefined;
    dropDevice("webgpu");
  });
}
