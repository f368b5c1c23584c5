/**
 * Gives all processes the same weights and, where a run goes on, the same state.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Communicator } from "./communicator.ts";
import {
  type DeviceState,
  readDevice,
  restoreDevice,
  type TrainingProgress,
  type TrainingState,
} from "./state.ts";

/** Whose state it is. */
const ROOT = 0;

/** What is sent before the values. */
interface _Header {
  /** Of the network: dropout draws from it. */
  readonly seed: number;
  readonly progress: TrainingProgress | null;
  /** Names and shapes of what follows. */
  readonly weights: readonly [name: string, shape: number[]][];
  readonly others: readonly [name: string, shape: number[]][];
}

/**
 * Gives all processes the state that process 0 goes on from, or else the weights and what the optimizer keeps there.
 *
 * @param communicator Connects the processes.
 * @param device Network, optimizer and loss scale of this one; they change in all but process 0.
 * @param state What process 0 goes on from, if it does; of no account in others.
 * @returns What all processes go on from; undefined for a new run.
 * @throws {DistributedError} If a process has failed.
 * @throws {ShapeError} If the network is not the same in all processes.
 * @throws {OptionError} If it has dropout and another seed.
 */
export async function shareState(
  communicator: Communicator,
  device: DeviceState,
  state: TrainingState | undefined,
): Promise<TrainingState | undefined> {
  const isRoot = communicator.rank === ROOT;
  const own = isRoot ? state ?? await readDevice(device) : undefined;
  const header: _Header = await shareJson(
    communicator,
    own && {
      seed: device.net.seed,
      progress: state?.progress ?? null,
      weights: _shapesOf(own.weights),
      others: _shapesOf(own.others),
    },
  );
  _checkSeed(device.net, header);
  const share = async (
    shapes: _Header["weights"],
    own: ReadonlyMap<string, NamedTensor> | undefined,
  ) => {
    const tensors = new Map<string, NamedTensor>();
    for (const [name, shape] of shapes) {
      const values = own?.get(name)?.values ??
        new Float32Array(shape.reduce((product, n) => product * n, 1));
      await communicator.broadcast(values, ROOT);
      tensors.set(name, { shape, values });
    }
    return tensors;
  };
  const shared = {
    weights: await share(header.weights, own?.weights),
    others: await share(header.others, own?.others),
  };
  const { progress } = header;
  if (progress !== null) return { ...shared, progress };
  if (!isRoot) restoreDevice(device, shared);
}

/**
 * Gives all processes what process 0 says.
 *
 * @param communicator Connects the processes.
 * @param value Whatever JSON can say, in process 0; of no account in others.
 * @returns The same in all.
 * @throws {DistributedError} If a process has failed.
 */
export async function shareJson<T>(
  communicator: Communicator,
  value: T | undefined,
): Promise<T> {
  const isRoot = communicator.rank === ROOT;
  let text = isRoot
    ? new TextEncoder().encode(JSON.stringify(value))
    : undefined;
  const length = Int32Array.of(text?.length ?? 0);
  await communicator.broadcast(length, ROOT);
  text ??= new Uint8Array(length[0]);
  await communicator.broadcast(text, ROOT);
  return JSON.parse(new TextDecoder().decode(text));
}

/** Masks are those of one process only if all draw them from the same seed. */
function _checkSeed({ layers, seed }: Sequential, header: _Header): void {
  const drops = layers.some(({ dropoutRate = 0 }) => dropoutRate > 0);
  if (!drops || seed === header.seed) return;
  throw new OptionError(
    "seed",
    seed,
    `${header.seed}, as the network of process 0 has, for the same dropout in all processes`,
  );
}

function _shapesOf(
  tensors: ReadonlyMap<string, NamedTensor>,
): [name: string, shape: number[]][] {
  return Array.from(tensors, ([name, { shape }]) => [name, [...shape]]);
}
