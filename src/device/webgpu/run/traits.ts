/**
 * What kernels have to know of the adapter.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Source } from "../wgsl/operand.ts";

/** What the choice of kernels and tiles depends on. */
export interface AdapterTraits {
  /** Whether the adapter computes on the CPU. */
  readonly isSoftware: boolean;
  /**
   * Size of a subgroup where products keep their tiles in registers: on a software adapter whose subgroups always have 4 or
   * always 8 lanes, and whose shaders read textures. Elsewhere 1: products stage their tiles in workgroup memory, as GPUs do.
   */
  readonly lanes: number;
  /** Largest buffer that a shader may bind, in bytes. */
  readonly maxBindingBytes: number;
  /** Where it reads operands fastest. */
  readonly source: Source;
  /** Fewest numbers of a tensor for which copying it to a texture saves more than it costs, where each is read once. */
  readonly leastCopied: number;
}

const cachedTraits = new WeakMap<GPUDevice, AdapterTraits>();

/**
 * Describes an adapter.
 *
 * @param backend A backend on it.
 * @returns What the choice of tiles depends on.
 */
export function traitsOf(backend: WebGPUBackend): AdapterTraits {
  const { device } = backend;
  let traits = cachedTraits.get(device);
  if (traits === undefined) {
    const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } =
      device.adapterInfo;
    const hasRegisters = isFallbackAdapter && _readsTextures() &&
      device.features.has("subgroups" as GPUFeatureName) &&
      subgroupMinSize === subgroupMaxSize && [4, 8].includes(subgroupMinSize);
    traits = {
      isSoftware: isFallbackAdapter,
      lanes: hasRegisters ? subgroupMinSize : 1,
      maxBindingBytes: device.limits.maxStorageBufferBindingSize,
      source: hasRegisters ? "textures" : "buffers",
      leastCopied: 65_536,
    };
    cachedTraits.set(device, traits);
  }
  return traits;
}

/**
 * Chooses where a kernel reads that looks at each number of a tensor a few times only.
 *
 * @param traits The adapter.
 * @param size Numbers of the tensor.
 * @returns Where to read from.
 */
export function sourceOfPass(
  { source, leastCopied }: AdapterTraits,
  size: number,
): Source {
  return size < leastCopied ? "buffers" : source;
}

/** Whether shaders can read storage textures. */
function _readsTextures(): boolean {
  // Not in Deno's types.
  const { wgslLanguageFeatures } = navigator.gpu as GPU & {
    wgslLanguageFeatures?: ReadonlySet<string>;
  };
  return wgslLanguageFeatures?.has("readonly_and_readwrite_storage_textures") ??
    false;
}

/**
 * Has products on a device computed as on another adapter, to try its tiles.
 *
 * @param backend A backend on the device.
 * @param traits The other adapter; without it, what the device really is.
 */
export function pretendTraits(
  backend: WebGPUBackend,
  traits?: AdapterTraits,
): void {
  if (traits === undefined) cachedTraits.delete(backend.device);
  else cachedTraits.set(backend.device, traits);
}
