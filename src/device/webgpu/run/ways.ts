/**
 * Operations that can be computed in more than one way, and which way is taken.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { storedType } from "./recorder.ts";

/** An operation on tensors that has several ways, which differ in nothing but rounding. */
export interface Operation {
  /** Names the operation and all sizes that it depends on. */
  readonly key: string;
  /** Names of the ways. */
  readonly ways: readonly string[];
  /** The way to take where none has been chosen. */
  readonly usual: string;
  /**
   * Computes it.
   *
   * @param way One of the names.
   * @param tensors The tensors it is of, or others of the same shapes.
   * @returns The result, which the caller owns.
   */
  readonly run: (way: string, tensors: readonly TensorInfo[]) => TensorInfo;
  /**
   * Makes the content of a tensor to measure with, where its values decide how long the operation takes; elsewhere they are
   * random.
   *
   * @param index Which of the tensors.
   * @returns Its elements, or undefined: random.
   */
  readonly sample?: (index: number) => Int32Array | undefined;
}

/** Is told of operations before they run. */
export type Observer = (
  operation: Operation,
  tensors: readonly TensorInfo[],
) => void;

/** What is known of the operations on a device. */
interface _Known {
  chosen: ReadonlyMap<string, string>;
  observer?: Observer;
}

const known = new WeakMap<GPUDevice, _Known>();

/**
 * Runs an operation in the way chosen for it or, without one, the usual.
 *
 * @param backend The backend that holds the tensors.
 * @param operation The operation.
 * @param tensors What it is of.
 * @returns The result, which the caller owns.
 */
export function runOperation(
  backend: WebGPUBackend,
  operation: Operation,
  tensors: readonly TensorInfo[],
): TensorInfo {
  const { key, ways, usual, run } = operation;
  const { chosen, observer } = _knownOf(backend);
  if (ways.length > 1) observer?.(operation, tensors);
  const way = chosen.get(key);
  // One that an older version knew counts for nothing.
  return run(way !== undefined && ways.includes(way) ? way : usual, tensors);
}

/**
 * Names an operation with what it reads, as what is fastest may depend on that.
 *
 * @param backend The backend that holds the tensors.
 * @param key Names the operation and all sizes.
 * @param tensors What it is of.
 * @returns The same key, or another where a tensor stores float16.
 */
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

/**
 * Chooses ways.
 *
 * @param backend The backend whose device they are for.
 * @param ways Names of ways by the keys of their operations; all others are computed in the usual way.
 */
export function chooseWays(
  backend: WebGPUBackend,
  ways: ReadonlyMap<string, string>,
): void {
  _knownOf(backend).chosen = ways;
}

/**
 * The ways that were chosen.
 *
 * @param backend The backend whose device they are for.
 * @returns Names of ways by the keys of their operations.
 */
export function chosenWays(
  backend: WebGPUBackend,
): ReadonlyMap<string, string> {
  return _knownOf(backend).chosen;
}

/**
 * Watches which operations something runs.
 *
 * @param backend The backend that it runs on.
 * @param work Runs operations.
 * @param observer Is told of each operation that has more than one way.
 * @returns What the work gave.
 */
export function observeOperations<T>(
  backend: WebGPUBackend,
  work: () => T,
  observer: Observer,
): T {
  const state = _knownOf(backend);
  const outer = state.observer;
  state.observer = observer;
  try {
    return work();
  } finally {
    state.observer = outer;
  }
}

function _knownOf({ device }: WebGPUBackend): _Known {
  let state = known.get(device);
  if (state === undefined) known.set(device, state = { chosen: new Map() });
  return state;
}
