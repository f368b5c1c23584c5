/**
 * Finds the WebGPU adapter and opens a device on it with everything it can do.
 *
 * @module
 */

import type { AdapterDescription } from "../../device.ts";
import { BackendError } from "../../../errors.ts";

/** The adapter limits that are asked for in full when a device is opened. */
const LIMIT_NAMES = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Features that are asked for where the adapter has them. */
const WANTED_FEATURES: readonly GPUFeatureName[] = [
  "timestamp-query",
  "shader-f16",
];

/** What to do where no WebGPU adapter is found. */
export const NO_ADAPTER_REMEDY = Deno.build.os === "linux"
  ? "install the GPU's Vulkan driver, or a software one with `apt-get install mesa-vulkan-drivers`"
  : "update the GPU's driver";

/**
 * Looks for a WebGPU adapter, the fastest first. On Linux only Vulkan counts, unless `DENO_WEBGPU_BACKEND` says otherwise:
 * Mesa's OpenGL, which Deno falls back on, is far slower and at times crashes the process at its end.
 */
export async function findAdapter(): Promise<GPUAdapter | null> {
  if (Deno.build.os === "linux") {
    setDefault("DENO_WEBGPU_BACKEND", "vulkan");
    // Without it the Vulkan loader prints an error line that concerns nobody.
    setDefault("XDG_RUNTIME_DIR", "/tmp");
  }
  return await navigator.gpu?.requestAdapter({
    powerPreference: "high-performance",
  }) ?? null;
}

/** Describes an adapter. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { info, limits } = adapter;
  return {
    name: info.description || info.device || "unnamed adapter",
    vendor: info.vendor,
    isSoftware: info.isFallbackAdapter,
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(
      LIMIT_NAMES.map((name) => [name, limits[name]]),
    ),
  };
}

/** Opens a device with the adapter's own limits instead of WebGPU's small defaults. */
export async function openDevice(
  adapter: GPUAdapter,
  maxBindingBytes: number,
): Promise<GPUDevice> {
  const { limits } = describeAdapter(adapter);
  const requiredFeatures = WANTED_FEATURES.filter((f) =>
    adapter.features.has(f)
  );
  const requiredLimits = {
    ...limits,
    maxStorageBufferBindingSize: maxBindingBytes,
  };
  try {
    // Deno 2.9 does not list subgroups among the features, yet grants them where the driver has them.
    return await adapter.requestDevice({
      requiredFeatures: [...requiredFeatures, "subgroups"],
      requiredLimits,
    }).catch(() => adapter.requestDevice({ requiredFeatures, requiredLimits }));
  } catch (error) {
    throw new BackendError(
      `Cannot open the WebGPU device: ${
        error instanceof Error ? error.message : error
      }; ${NO_ADAPTER_REMEDY}`,
      { cause: error },
    );
  }
}

/** Sets an environment variable that is not set, where that is permitted. */
function setDefault(variable: string, value: string): void {
  const permission = { name: "env", variable } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, value);
}
