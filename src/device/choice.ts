/**
 * Chooses between WebGPU and the CPU, and knows what is missing for either to be fast.
 *
 * @module
 */

import {
  type AdapterDescription,
  describeAdapter,
  findAdapter,
  NO_ADAPTER_REMEDY,
} from "./webgpu/run/adapter.ts";
import { findOneDnn } from "./onednn/library/library.ts";
import { tf } from "./tf.ts";
import type { KernelBackend } from "@tensorflow/tfjs-core";

/** A library of kernels for CPUs. */
export interface NativeLibrary {
  /** Its name. */
  readonly name: "oneDNN";
  /** Its version, for example "2.6.3". */
  readonly version: string;
  /** Its file, as it was found. */
  readonly path: string;
  /** Threads that it computes with; undefined where it does not say. */
  readonly threads?: number;
}

/** The library or, in words that complete "as ...", why there is none. */
export type FoundLibrary =
  | { readonly library: NativeLibrary; readonly missing?: undefined }
  | { readonly library?: undefined; readonly missing: string };

/**
 * Looks for the library that the CPU computes with.
 *
 * @returns What was found.
 */
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

/**
 * Chooses the device that is likely the fastest: a GPU, else the CPU with its library, else whatever there is.
 *
 * @param known The WebGPU adapter that is open already, if one is.
 * @returns The device.
 */
export async function chooseDevice(
  known: AdapterDescription | undefined,
): Promise<"webgpu" | "cpu"> {
  const adapter = known ?? await _firstAdapter();
  if (adapter === undefined) return "cpu";
  const isSlow = adapter.isSoftware && nativeLibrary().library !== undefined;
  return isSlow ? "cpu" : "webgpu";
}

/**
 * Says what would make training much faster.
 *
 * @param asked The device that was asked for.
 * @param adapter The WebGPU adapter, if that is in use.
 * @returns One line, or nothing where the device is as fast as it can be, or was asked for by name.
 */
export function whatIsMissing(
  asked: "auto" | "webgpu" | "cpu",
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

async function _firstAdapter(): Promise<AdapterDescription | undefined> {
  const adapter = await findAdapter();
  return adapter === null ? undefined : describeAdapter(adapter);
}
