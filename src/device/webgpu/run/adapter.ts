/**
 * Finds the WebGPU adapter, opens a device on it with everything it can do, and measures on it what its limits do not tell.
 */

import type { AdapterDescription } from "../../device.ts";
import { BackendError } from "../../../errors.ts";
import { host } from "../../../platform/host.ts";
import { reasonOf } from "../../../reason.ts";

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
export const NO_ADAPTER_REMEDY = host.system === "linux"
  ? "install the GPU's Vulkan driver, or a software one with `apt-get install mesa-vulkan-drivers`"
  : "update the GPU's driver";

/**
 * Looks for a WebGPU adapter, the fastest first. On Linux only Vulkan counts, unless `DENO_WEBGPU_BACKEND` says otherwise:
 * Mesa's OpenGL, which Deno falls back on, is far slower and at times crashes the process at its end.
 */
export async function findAdapter(): Promise<GPUAdapter | null> {
  if (host.system === "linux") {
    host.setDefault("DENO_WEBGPU_BACKEND", "vulkan");
    // Without it the Vulkan loader prints an error line that concerns nobody.
    host.setDefault("XDG_RUNTIME_DIR", "/tmp");
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
export async function requestDevice(
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
      `Cannot open the WebGPU device: ${reasonOf(error)}; ${NO_ADAPTER_REMEDY}`,
      { cause: error },
    );
  }
}

/** More iterations than the largest limit known (llvmpipe before Mesa 25: 65,535). */
const PROBE_ITERATIONS = 100_000;

const SHADER = `
@group(0) @binding(0) var<storage, read_write> counts : array<u32>;

@compute @workgroup_size(1)
fn main() {
  // counts[1] holds the bound, so that no compiler can replace the loop by its result.
  var count = 0u;
  for (var i = 0u; i < counts[1]; i = i + 1u) {
    count = count + (i | 1u) - i + (i & 1u);
  }
  counts[0] = count;
}`;

/**
 * Counts how many iterations of a loop a shader invocation really runs.
 *
 * llvmpipe before Mesa 25 leaves every loop of an invocation after 65,535 iterations in all, without an error, so that
 * long sums come out too small.
 */
export async function probeMaxLoopIterations(
  device: GPUDevice,
): Promise<number> {
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const storage = device.createBuffer({
    size: 8,
    usage: STORAGE | COPY_SRC | COPY_DST,
  });
  const staging = device.createBuffer({ size: 8, usage: MAP_READ | COPY_DST });
  try {
    device.queue.writeBuffer(storage, 0, Uint32Array.of(0, PROBE_ITERATIONS));
    const module = device.createShaderModule({ code: SHADER });
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module },
    });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: storage } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(storage, 0, staging, 0, 8);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [count] = new Uint32Array(staging.getMappedRange());
    return count === PROBE_ITERATIONS ? Infinity : count;
  } finally {
    storage.destroy();
    staging.destroy();
  }
}
