/**
 * A trained network in a file: which network it is, and its weights.
 *
 * @module
 */

import { throwIfDeviceFailed } from "../backend/backend.ts";
import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
} from "./safetensors.ts";

/** Says in a file's metadata that this package wrote it. */
const FORMAT = "@x/alexnet";

const MODELS: readonly unknown[] = ["alexnet", "lenet"];

/** Which network a file holds, so that it can be built again. */
export interface ModelConfig {
  /** Name of the network. */
  readonly model: "alexnet" | "lenet";
  /** Number of classes. */
  readonly classes: number;
  /** Height and width of the images. */
  readonly imageSize: number;
}

/** A checkpoint that was read. */
export interface Checkpoint {
  /** Which network it is. */
  readonly config: ModelConfig;
  /** Where it was read from. */
  readonly path: string;
  /** float32 weights by name, for example "conv2d_1.kernel". */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

/**
 * Writes a network to a file, whole or not at all.
 *
 * @param path The file; its folder must exist.
 * @param net The network.
 * @param config Which network it is.
 * @throws {BackendError} If the device fails.
 * @throws {DataError} If the file cannot be written.
 */
export async function saveCheckpoint(
  path: string,
  net: Sequential,
  config: ModelConfig,
): Promise<void> {
  const tensors = new Map<string, NamedTensor>();
  const names = net.weightNames();
  for (const [i, weight] of net.getWeights().entries()) {
    const values = await weight.data() as Float32Array<ArrayBuffer>;
    tensors.set(names[i], { shape: weight.shape, values });
  }
  throwIfDeviceFailed();
  const metadata = { format: FORMAT, config: JSON.stringify(config) };
  const pieces = encodeSafetensors({ tensors, metadata });
  const part = `${path}.part`;
  try {
    await Deno.writeFile(part, ReadableStream.from(pieces));
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw new DataError(path, `Cannot write ${path}: ${_reason(error)}`);
  }
}

/**
 * Reads a network that {@linkcode saveCheckpoint} wrote.
 *
 * @param path The file.
 * @returns Which network it is, and its weights.
 * @throws {DataError} If the file is missing, damaged or something else.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new DataError(path, `Cannot read ${path}: ${_reason(error)}`);
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  if (metadata.format !== FORMAT) {
    throw new DataError(
      path,
      `Cannot use ${path}: it was not written by \`train --save\`, so which network it is for is unknown`,
    );
  }
  return { path, config: _parseConfig(metadata.config, path), tensors };
}

function _parseConfig(text: string | undefined, path: string): ModelConfig {
  try {
    const { model, classes, imageSize } = JSON.parse(text ?? "");
    if (
      MODELS.includes(model) && Number.isInteger(classes) &&
      Number.isInteger(imageSize)
    ) return { model, classes, imageSize };
  } catch {
    // Said below.
  }
  throw new DataError(
    path,
    `Cannot use ${path}: its description of the network is damaged; save it again`,
  );
}

/**
 * Copies the weights of a checkpoint into a network.
 *
 * @param net The network that the checkpoint's `config` describes.
 * @param checkpoint The checkpoint.
 * @throws {DataError} If a weight is missing.
 * @throws {ShapeError} If a weight has another size.
 */
export function restoreWeights(net: Sequential, checkpoint: Checkpoint): void {
  const { path, tensors } = checkpoint;
  net.setWeights(
    net.weightNames().map((name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) {
        throw new DataError(
          path,
          `Cannot use ${path}: it has no weight ${name}`,
        );
      }
      return tensor.values;
    }),
  );
}

function _reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
