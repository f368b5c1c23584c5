/** A trained network in a file: which network it is, and its weights. */

import packageConfig from "../../deno.json" with { type: "json" };
import { isFashionMnist, MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { Transform } from "../data/transforms/transform.ts";
import { throwIfDeviceFailed } from "../device/device.ts";
import { ensureBackend } from "../device/open.ts";
import type { Tensor } from "../device/tf.ts";
import { AlexNetError, DataError, ShapeError } from "../errors.ts";
import { Sequential } from "../nn/sequential.ts";
import { showName, writeAtomically } from "./files.ts";
import {
  contradiction,
  describeModel,
  findMisfit,
  layersOf,
  makeTransform,
  type ModelConfig,
  modelOf,
  namedNetwork,
  type NetworkConfig,
  networkIn,
  networkOf,
  onFashionMnist,
  parseModelConfig,
  parseNetwork,
  type SaveModelOptions,
  weightShapes,
} from "./network.ts";
import {
  encodeSafetensors,
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
} from "./safetensors.ts";

export type {
  ModelConfig,
  NetworkConfig,
  SaveModelOptions,
  TransformConfig,
} from "./network.ts";

/** Says in a file's metadata that this package wrote it. */
const FORMAT = "@x/alexnet";

/** A checkpoint that was read. */
export interface Checkpoint {
  /** Which network it is. */
  readonly config: ModelConfig;
  /** Its layers, and what is known of its data. Default: the layers of the network that `config` names. */
  readonly network?: NetworkConfig;
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

/** What {@linkcode loadModel} gives. */
export interface LoadedModel {
  /** The network, on the device in use; the caller disposes it. */
  readonly net: Sequential;
  /** What class 0, 1, ... means, if the file says so. */
  readonly classNames?: readonly string[];
  /** What is done to an image first, if the file says so. It throws a `ShapeError` if that was a function of the user's own. */
  readonly transform?: Transform;
}

/**
 * Writes any network of this package's layers to a file, whole or not at all. `loadModel`, and the commands `predict`,
 * `evaluate` and `export` need nothing else. Networks that the file could not give back are refused.
 *
 * @example
 * ```ts
 * import { initBackend, loadModel, saveModel, Sequential } from "@x/alexnet";
 * import { dense, flatten } from "@x/alexnet/nn";
 *
 * await initBackend();
 * const layers = [flatten(), dense({ units: 2 })];
 * const net = new Sequential({ inputShape: [32, 32, 3], layers });
 * await saveModel("net.safetensors", net, { classNames: ["cat", "dog"] });
 * const { net: same, classNames } = await loadModel("net.safetensors");
 * ```
 *
 * @param path The file; its folder must exist.
 * @param net The network.
 * @param options What is known of its data.
 * @throws {ShapeError} If a layer is not of this package, or there is not a name for each class.
 * @throws {BackendError} If the device fails.
 * @throws {DataError} If the file cannot be written.
 */
export async function saveModel(
  path: string,
  net: Sequential,
  options: SaveModelOptions = {},
): Promise<void> {
  const network = networkOf(net, options);
  const config = modelOf(network);
  const tensors = await readWeights(net);
  await writeCheckpoint(path, { config, network, tensors });
}

/**
 * Reads a network that {@linkcode saveModel}, {@linkcode saveCheckpoint} or a run wrote. The file is checked before any weight is
 * read.
 *
 * @param path The file.
 * @returns The network with its weights, and what the file says of its data.
 * @throws {DataError} If the file is missing, damaged or something else.
 * @throws {BackendError} If no device is ready.
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const checkpoint = await loadCheckpoint(path);
  await ensureBackend();
  const { classNames, transform } = networkIn(checkpoint);
  return {
    net: restoreNetwork(checkpoint),
    classNames,
    transform: transform && makeTransform(transform),
  };
}

/** Builds the network of a checkpoint, with its weights, on the device in use. */
export function restoreNetwork(checkpoint: Checkpoint): Sequential {
  const net = new Sequential(layersOf(networkIn(checkpoint)));
  restoreWeights(net, checkpoint);
  return net;
}

/**
 * Writes a network that has a name to a file, whole or not at all. {@linkcode saveModel} writes any network.
 *
 * @param path The file; its folder must exist.
 * @param net The network.
 * @param config Which network it is.
 * @throws {ShapeError} If it is another network.
 * @throws {BackendError} If the device fails.
 * @throws {DataError} If the file cannot be written.
 */
export async function saveCheckpoint(
  path: string,
  net: Sequential,
  config: ModelConfig,
): Promise<void> {
  const reason = contradiction(modelOf(networkOf(net)), {
    expected: config,
    where: "its config",
  });
  if (reason !== undefined) {
    throw new ShapeError(
      `Cannot save ${path}: ${reason}; correct the config, or use saveModel(), which needs none`,
    );
  }
  await saveModel(path, net);
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
  { tensors, training, ...which }: Omit<Checkpoint, "path">,
): Promise<void> {
  const metadata = {
    format: FORMAT,
    version: packageConfig.version,
    // Older versions know networks by their names alone.
    config: JSON.stringify(which.config),
    network: JSON.stringify(networkIn(which)),
    ...training === undefined ? {} : { training },
  };
  await writeAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/**
 * Reads a network that {@linkcode saveModel} or {@linkcode saveCheckpoint} wrote. No device is needed. The file is checked before any weight is read.
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
  const network = readNetwork(file);
  const config = modelOf(network);
  const shapes = weightShapes(network);
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
  const { training } = file.metadata;
  return { path, config, network, tensors, training };
}

function readNetwork({ path, metadata }: SafetensorsFile): NetworkConfig {
  const { format, network, config, version } = metadata;
  if (format !== FORMAT) {
    throw new DataError(
      path,
      `Cannot use ${path}: it was not written by \`train --save\`, so which network it is for is unknown; \`import\` finds out`,
    );
  }
  try {
    return network === undefined
      ? networkOfOldFile(config)
      : parseNetwork(network);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    const writer = version === undefined || version === packageConfig.version
      ? "save it again"
      : `it is of version ${
        showName(version)
      }, and this is ${packageConfig.version}`;
    throw new DataError(
      path,
      `Cannot use ${path}: in its header, ${error.message}; ${writer}`,
    );
  }
}

/**
 * What `train` wrote before files had descriptions of networks. It knew no data but Fashion-MNIST, and wrote the image's size
 * before the classes. Programs that follow the documentation write the classes first, and their data may be any.
 */
const OLD_FILE_OF_TRAIN = /^\{"model":"\w+","imageSize":\d+,"classes":10\}$/;

function networkOfOldFile(config = ""): NetworkConfig {
  const network = namedNetwork(parseModelConfig(config));
  return OLD_FILE_OF_TRAIN.test(config) ? onFashionMnist(network) : network;
}

/**
 * Copies the weights of a checkpoint into a network.
 *
 * @param net A network of the checkpoint's layers.
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

/**
 * Gives the transform with which a network is evaluated on Fashion-MNIST. It throws a `DataError` if the network is one for other
 * data; one without class names may be for any.
 */
export function transformForFashionMnist(checkpoint: Checkpoint): Transform {
  const { path, config } = checkpoint;
  const network = networkIn(checkpoint);
  const { classNames = MANIFEST.classNames } = network;
  const isSame = isFashionMnist({ classNames });
  const hasClasses = config.classes === MANIFEST.classNames.length;
  const { channels = 1 } = config;
  if (isSame && hasClasses && channels === 1) {
    return makeTransform(
      network.transform ?? onFashionMnist(network).transform!,
    );
  }
  const data = hasClasses
    ? "the grey images of Fashion-MNIST"
    : `data of ${MANIFEST.classNames.length} classes`;
  const own = isSame
    ? ""
    : `, of the classes ${showName(classNames.join(", "))}`;
  throw new DataError(
    path,
    `Cannot use ${path} on ${data}: it is ${describeModel(config)}${own}`,
  );
}
