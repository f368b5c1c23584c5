/**
 * A trained network in a file: which network it is, and its weights.
 *
 * @module
 */

import { throwIfDeviceFailed } from "../device/device.ts";
import { AlexNetError, DataError, ShapeError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import { writeAtomically } from "./atomic_file.ts";
import {
  checkWeightShapes,
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
  /** What else is to be known to go on training, as JSON; not checked. */
  readonly training?: string;
}

/** Options of {@linkcode loadCheckpoint}. */
export interface LoadCheckpointOptions {
  /** What to read: the weights, or with them what else a run's checkpoint has, to go on training. Default "weights". */
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
  const tensors = new Map<string, NamedTensor>();
  const names = net.weightNames();
  for (const [i, weight] of net.getWeights().entries()) {
    const values = await weight.data() as Float32Array<ArrayBuffer>;
    tensors.set(names[i], { shape: weight.shape, values });
  }
  throwIfDeviceFailed();
  await writeCheckpoint(path, { config, tensors });
}

/**
 * Writes weights on the host to a file, whole or not at all.
 *
 * @param path The file; its folder must exist.
 * @param checkpoint Which network it is, its weights, and what else there is.
 * @throws {DataError} If the file cannot be written.
 */
export async function writeCheckpoint(
  path: string,
  checkpoint: Omit<Checkpoint, "path">,
): Promise<void> {
  const { config, tensors, training } = checkpoint;
  const metadata = {
    format: FORMAT,
    config: JSON.stringify(config),
    ...training === undefined ? {} : { training },
  };
  await writeAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/**
 * Reads a network that {@linkcode saveCheckpoint} wrote. It is checked before it is read, so that a damaged file costs
 * nothing, and what is read is in memory once.
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
  checkWeightShapes(config, file);
  const names = options.tensors === "all"
    ? file.entries.keys()
    : weightShapes(config).keys();
  const tensors = await file.readAll(names);
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
export function restoreWeights(net: Sequential, checkpoint: Checkpoint): void {
  const { path, tensors } = checkpoint;
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
      if (`${tensor.shape}` !== `${shape}`) {
        throw new ShapeError(
          `Cannot use ${path}: its ${name} has shape [${tensor.shape}], and the network needs [${shape}]`,
        );
      }
      return tensor.values;
    }),
  );
}
