/**
 * Operations that can be computed in more than one way, and which way is taken.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { storedType } from "./recorder.ts";
import type { Source } from "../wgsl/operand.ts";

/** An operation on tensors that has several ways, which differ in nothing but rounding. */
export interface Operation {
  /** Names the operation and all sizes that it depends on. */
  readonly key: string;
  /** Names of the ways. */
  readonly ways: readonly string[];
  /** The way to take where none has been chosen. */
  readonly usual: string;
  /** Computes it. */
  readonly run: (way: string, tensors: readonly TensorInfo[]) => TensorInfo;
  /**
   * Makes the content of a tensor to measure with, where its values decide how long the operation takes; elsewhere they are
   * random.
   */
  readonly sample?: (index: number) => Int32Array | undefined;
}

/** Is told of operations before they run. */
export type Observer = (
  operation: Operation,
  tensors: readonly TensorInfo[],
) => void;

/** What is known of the operations on a device. */
interface Known {
  chosen: ReadonlyMap<string, string>;
  observer?: Observer;
}

const known = new WeakMap<GPUDevice, Known>();

/** Runs an operation in the way chosen for it or, without one, the usual. */
export function runOperation(
  backend: WebGPUBackend,
  operation: Operation,
  tensors: readonly TensorInfo[],
): TensorInfo {
  const { key, ways, usual, run } = operation;
  const { chosen, observer } = knownOf(backend);
  if (ways.length > 1) observer?.(operation, tensors);
  const way = chosen.get(key);
  // One that an older version knew counts for nothing.
  return run(way !== undefined && ways.includes(way) ? way : usual, tensors);
}

/** Names an operation with what it reads, as what is fastest may depend on that. */
export function keyOf(
  backend: WebGPUBackend,
  key: string,
  tensors: readonly TensorInfo[],
): string {
  const isHalf = tensors.some((tensor) =>
    storedType(backend, tensor) === "float16"
  );
  return isHalf ? `${key},float16` : key;
}

/** Chooses ways. */
export function chooseWays(
  backend: WebGPUBackend,
  ways: ReadonlyMap<string, string>,
): void {
  knownOf(backend).chosen = ways;
}

/** The ways that were chosen. */
export function chosenWays(
  backend: WebGPUBackend,
): ReadonlyMap<string, string> {
  return knownOf(backend).chosen;
}

/** Watches which operations something runs. */
export function observeOperations<T>(
  backend: WebGPUBackend,
  work: () => T,
  observer: Observer,
): T {
  const state = knownOf(backend);
  const outer = state.observer;
  state.observer = observer;
  try {
    return work();
  } finally {
    state.observer = outer;
  }
}

function knownOf({ device }: WebGPUBackend): Known {
  let state = known.get(device);
  if (state === undefined) known.set(device, state = { chosen: new Map() });
  return state;
}

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

/** Describes an adapter. */
export function traitsOf(backend: WebGPUBackend): AdapterTraits {
  const { device } = backend;
  let traits = cachedTraits.get(device);
  if (traits === undefined) {
    const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } =
      device.adapterInfo;
    const hasRegisters = isFallbackAdapter && readsTextures() &&
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

/** Chooses where a kernel reads that looks at each number of a tensor a few times only. */
export function sourceOfPass(
  { source, leastCopied }: AdapterTraits,
  size: number,
): Source {
  return size < leastCopied ? "buffers" : source;
}

/** Whether shaders can read storage textures. */
function readsTextures(): boolean {
  // Not in Deno's types.
  const { wgslLanguageFeatures } = navigator.gpu as GPU & {
    wgslLanguageFeatures?: ReadonlySet<string>;
  };
  return wgslLanguageFeatures?.has("readonly_and_readwrite_storage_textures") ??
    false;
}

/** Has products on a device computed as on another adapter, to try its tiles. */
export function pretendTraits(
  backend: WebGPUBackend,
  traits?: AdapterTraits,
): void {
  if (traits === undefined) cachedTraits.delete(backend.device);
  else cachedTraits.set(backend.device, traits);
}
