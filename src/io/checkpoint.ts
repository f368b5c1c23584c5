/**
 * A trained network in a file: which network it is, and its weights.
 *
 * @module
 */

import { throwIfDeviceFailed } from "../device/device.ts";
import type { Tensor } from "../device/tf.ts";
import { AlexNetError, DataError, ShapeError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import { writeAtomically } from "./files.ts";
import {
  describeModel,
  findMisfit,
  type ModelConfig,
  parseModelConfig,
  weightShapes,
} from "./model_config.ts";
import {
  encodeSafetensors,
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
} from "./safetensors.ts";

export type { ModelConfig } from "./model_config.ts";

/** Says in a file's metadata that this package wrote it. */
const FORMAT = "@x/alexnet";

/** A checkpoint that was read. */
export interface Checkpoint {
  /** Which network it is. */
  readonly config: ModelConfig;
  /** Where it was read from. */
  readonly path: string;
  /** float32 weights by name, for example "conv2d_1.kernel". */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** JSON with what else training needs to go on; it is not checked. */
  readonly training?: string;
}

/** Options of {@linkcode loadCheckpoint}. */
export interface LoadCheckpointOptions {
  /** What to read: the weights, or also what else a run's checkpoint has, to go on training. Default "weights". */
  tensors?: "weights" | "all";
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
  await writeCheckpoint(path, { config, tensors: await readWeights(net) });
}

/** Waits for the device and copies the weights of a network from it, by their names in the order of `getWeights`. */
export async function readWeights(
  net: Sequential,
): Promise<Map<string, NamedTensor>> {
  const weights = net.getWeights();
  return await readTensors(
    net.weightNames().map((name, i) => [name, weights[i]]),
  );
}

/** Waits for the device and copies tensors from it. */
export async function readTensors(
  tensors: readonly (readonly [name: string, tensor: Tensor])[],
): Promise<Map<string, NamedTensor>> {
  const read = new Map<string, NamedTensor>();
  for (const [name, tensor] of tensors) {
    // On the CPU, data() gives the tensor's own values, which change.
    const values = Float32Array.from(await tensor.data());
    read.set(name, { shape: tensor.shape, values });
  }
  throwIfDeviceFailed();
  return read;
}

/** Writes weights on the host to a file, whole or not at all. */
export async function writeCheckpoint(
  path: string,
  { config, tensors, training }: Omit<Checkpoint, "path">,
): Promise<void> {
  const metadata = {
    format: FORMAT,
    config: JSON.stringify(config),
    ...training === undefined ? {} : { training },
  };
  await writeAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/**
 * Reads a network that {@linkcode saveCheckpoint} wrote. The file is checked before any weight is read.
 *
 * @param path The file.
 * @param options What to read.
 * @returns Which network it is, and its weights.
 * @throws {DataError} If the file is missing, damaged or something else.
 */
export async function loadCheckpoint(
  path: string,
  options: LoadCheckpointOptions = {},
): Promise<Checkpoint> {
  using file = await openSafetensors(path);
  const config = readConfig(file);
  const shapes = weightShapes(config);
  const misfit = findMisfit(shapes, file.entries);
  if (misfit !== undefined) {
    const { found, shape } = misfit;
    const model = describeModel(config);
    throw new DataError(
      path,
      `Cannot use ${path}: ${found}, and ${model} has one of [${shape}]: it holds another network`,
    );
  }
  const names = options.tensors === "all" ? file.entries : shapes;
  const tensors = new Map<string, NamedTensor>();
  for (const name of names.keys()) tensors.set(name, await file.read(name));
  return { path, config, tensors, training: file.metadata.training };
}

function readConfig({ path, metadata }: SafetensorsFile): ModelConfig {
  if (metadata.format !== FORMAT) {
    throw new DataError(
      path,
      `Cannot use ${path}: it was not written by \`train --save\`, so which network it is for is unknown; \`import\` finds out`,
    );
  }
  try {
    return parseModelConfig(metadata.config);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    throw new DataError(
      path,
      `Cannot use ${path}: in its header, ${error.message}; save it again`,
    );
  }
}

/**
 * Copies the weights of a checkpoint into a network.
 *
 * @param net The network that the checkpoint's `config` describes.
 * @param checkpoint The checkpoint; tensors that are no weights are left alone.
 * @throws {DataError} If a weight is missing.
 * @throws {ShapeError} If a weight has another shape.
 */
export function restoreWeights(
  net: Sequential,
  { path, tensors }: Checkpoint,
): void {
  const weights = net.getWeights();
  net.setWeights(
    net.weightNames().map((name, i) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) {
        throw new DataError(
          path,
          `Cannot use ${path}: it has no weight ${name}`,
        );
      }
      const { shape } = weights[i];
      if (`${tensor.shape}` === `${shape}`) return tensor.values;
      throw new ShapeError(
        `Cannot use ${path}: its ${name} has shape [${tensor.shape}], and the network needs [${shape}]`,
      );
    }),
  );
}
