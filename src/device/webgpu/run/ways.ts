/** Operations that can be computed in more than one way: which way is taken, and what ran. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { TracedOperation, TracedProgram } from "../../device.ts";
import { perOwner } from "../../memo.ts";
import type { Source } from "../wgsl/operand.ts";
import { type StoredType, storedType } from "./recorder.ts";

/** A way to compute an operation of some sizes on some adapter. Ways differ in nothing but time and rounding. */
export interface Way<Options = unknown> {
  readonly name: string;
  /** Whether it can be taken or, in a few words, why not. */
  readonly fits: true | string;
  /** Computes the operation; `options` are what has no influence on which way is fastest. */
  run(
    backend: WebGPUBackend,
    tensors: readonly TensorInfo[],
    options: Options,
  ): TensorInfo;
}

/** An operation on tensors. */
export interface Operation<Options = unknown> {
  /** Names it and all sizes that it depends on. */
  readonly key: string;
  /** What it computes, in words. */
  readonly what: string;
  /** All ways, in the order in which they are usual on the adapter: the first that fits is taken unless another was chosen. */
  readonly ways: readonly Way<Options>[];
  /**
   * Makes the content of a tensor to measure with, where its values decide how long the operation takes; elsewhere they are
   * random.
   */
  readonly sample?: (index: number) => Int32Array | undefined;
}

/** What is known of a device. */
interface DeviceState {
  traits?: AdapterTraits;
  /** Names of ways, by the keys of operations. */
  chosen: ReadonlyMap<string, string>;
}

const states = perOwner((_: GPUDevice): DeviceState => ({ chosen: new Map() }));

function stateOf({ device }: WebGPUBackend): DeviceState {
  return states(device);
}

/** Runs an operation in the way chosen for it or, without one, the usual. */
export function runOperation<Options>(
  backend: WebGPUBackend,
  operation: Operation<Options>,
  tensors: readonly TensorInfo[],
  options: Options,
): TensorInfo {
  const { ways } = operation;
  // What is fastest may depend on what is read.
  const isHalf = tensors.some((tensor) =>
    storedType(backend, tensor) === "float16"
  );
  const key = isHalf ? `${operation.key},float16` : operation.key;
  const name = stateOf(backend).chosen.get(key);
  // A name that an older version knew, or a way that no longer fits, counts for nothing.
  const way = ways.find((way) => way.name === name && way.fits === true) ??
    ways.find(({ fits }) => fits === true)!;
  if (traced === undefined) return way.run(backend, tensors, options);
  const outer = traced;
  const trace: Trace = {
    key,
    what: operation.what,
    way: way.name,
    ways,
    operation,
    tensors: tensors.map((tensor) => ({
      shape: tensor.shape,
      stored: storedType(backend, tensor),
    })),
    options,
    parts: [],
  };
  outer.push(trace);
  traced = trace.parts;
  try {
    return way.run(backend, tensors, options);
  } finally {
    traced = outer;
  }
}

/** Chooses ways, by the keys of operations. */
export function chooseWays(
  backend: WebGPUBackend,
  ways: ReadonlyMap<string, string>,
): void {
  stateOf(backend).chosen = ways;
}

/** The ways that were chosen. */
export function chosenWays(
  backend: WebGPUBackend,
): ReadonlyMap<string, string> {
  return stateOf(backend).chosen;
}

/** An operation that ran, and all that it takes to run it again. */
export interface Trace extends TracedOperation {
  readonly operation: Operation;
  readonly tensors: readonly StoredShape[];
  readonly options: unknown;
  readonly parts: (Trace | TracedProgram)[];
}

/** Shape of a tensor, and what it stores. */
export interface StoredShape {
  readonly shape: number[];
  readonly stored: StoredType;
}

/** Where to note what runs, while somebody traces. */
let traced: Trace["parts"] | undefined;

/** Runs something, and gives the operations and programs that ran, in order. */
export function traceOperations(work: () => void): Trace["parts"] {
  const outer = traced;
  const parts: Trace["parts"] = traced = [];
  try {
    work();
  } finally {
    traced = outer;
  }
  return parts;
}

/** Notes that a program ran. */
export function traceProgram(key: string, code: string): void {
  traced?.push({ key, code });
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

/** Describes an adapter. */
export function traitsOf(backend: WebGPUBackend): AdapterTraits {
  return stateOf(backend).traits ??= examine(backend.device);
}

function examine({ adapterInfo, features, limits }: GPUDevice): AdapterTraits {
  const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } = adapterInfo;
  // Not in Deno's types.
  const { wgslLanguageFeatures } = navigator.gpu as GPU & {
    wgslLanguageFeatures?: ReadonlySet<string>;
  };
  const readsTextures = "readonly_and_readwrite_storage_textures";
  const hasRegisters = isFallbackAdapter &&
    wgslLanguageFeatures?.has(readsTextures) &&
    features.has("subgroups" as GPUFeatureName) &&
    subgroupMinSize === subgroupMaxSize && [4, 8].includes(subgroupMinSize);
  return {
    isSoftware: isFallbackAdapter,
    lanes: hasRegisters ? subgroupMinSize : 1,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
    source: hasRegisters ? "textures" : "buffers",
    leastCopied: 65_536,
  };
}

/** Chooses kernels as another adapter would, for tests; without traits, as this one again. */
export function pretendTraits(
  backend: WebGPUBackend,
  traits?: AdapterTraits,
): void {
  stateOf(backend).traits = traits;
}

/** Chooses where a kernel reads that looks at each number of a tensor a few times only. */
export function sourceOfPass(
  { source, leastCopied }: AdapterTraits,
  size: number,
): Source {
  return size < leastCopied ? "buffers" : source;
}
