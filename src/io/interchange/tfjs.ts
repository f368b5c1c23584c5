/**
 * TensorFlow.js's layers format: a folder with `model.json` and files of weights. It is read where it holds one of our
 * networks, and written for `tf.loadLayersModel`.
 */

import packageConfig from "../../../deno.json" with { type: "json" };
import { AlexNetError, DataError } from "../../errors.ts";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import { host } from "../../platform/host.ts";
import { reasonOf } from "../../reason.ts";
import type { Checkpoint } from "../checkpoint.ts";
import {
  areCounts,
  cannotRead,
  fileSize,
  isObject,
  orCannotRead,
  parseJson,
  readPart,
  showName,
  writeAtomically,
} from "../files.ts";
import {
  type DescribedNetwork,
  describeNetwork,
  type ModelConfig,
  namedNetwork,
} from "../network.ts";
import type { NamedTensor } from "../safetensors.ts";
import { type KerasModel, parseKeras, stepsOf, toKeras } from "./keras.ts";
import {
  detectModel,
  type ForeignWeight,
  type KnownModel,
  readWeightFile,
  type WeightFile,
} from "./weights.ts";

/** Largest description of a model that is read, in bytes; the weights are in other files. */
const MAX_BYTES = 16 * 2 ** 20;

/** Makes the error of a `model.json`. */
type Refuse = (reason: string) => DataError;

/** Reads a network from `model.json` or its folder. The description and the sizes of the files are checked before any weight is read. */
export async function importTfjs(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  const isFolder = await host.stat(path).then((s) => s.isFolder, () => false);
  const file = isFolder ? `${path.replace(/\/+$/, "")}/model.json` : path;
  const refuse: Refuse = (reason) => cannotRead(file, reason);
  const { modelTopology, weightsManifest } = await readModel(file, refuse);
  const model = parseTopology(modelTopology, refuse);
  const folder = await orCannotRead(
    file,
    () => host.realPath(host.folderOf(file)),
  );
  const entries = await parseManifest(weightsManifest, { folder, refuse });
  const weights: WeightFile = {
    path: file,
    entries,
    read: (name) => readWeight(entries.get(name)!),
    weightsOf: (config) => weightsOf(config, model),
    misfitOf(config) {
      const [found, expected] = [model.weighted, weightedLayers(config)];
      if (found.length === expected.length) return undefined;
      return `it has ${found.length} layers with weights, not ${expected.length}`;
    },
  };
  const imageSize = known.imageSize ?? model.inputShape[0];
  const config = detectModel(weights, { ...known, imageSize });
  checkSteps(model, config, refuse);
  return await readWeightFile(weights, config);
}

async function readModel(
  path: string,
  refuse: Refuse,
): Promise<Record<string, unknown>> {
  const size = await fileSize(path);
  if (size > MAX_BYTES) {
    throw refuse(`it has ${size} bytes, and at most ${MAX_BYTES} are read`);
  }
  const model = parseJson(await orCannotRead(path, () => host.readText(path)));
  if (model === undefined) throw refuse("it is not JSON");
  if (!isObject(model) || !isObject(model.modelTopology)) {
    throw refuse("it is no model.json of TensorFlow.js");
  }
  // Old writers leave it out.
  const { format = "layers-model" } = model;
  if (format === "layers-model") return model;
  const shown = showName(String(JSON.stringify(format)));
  throw refuse(`its format is ${shown}: convert it to "layers-model"`);
}

function parseTopology(topology: unknown, refuse: Refuse): KerasModel {
  try {
    return parseKeras(topology);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    throw refuse(error.message);
  }
}

function weightedLayers(config: ModelConfig) {
  return describeNetwork(namedNetwork(config)).layers
    .filter(({ weights }) => weights.length > 0);
}

/** The weights of a network, as far as a model has layers with weights, under the names of the model's layers. */
function weightsOf(
  config: ModelConfig,
  { weighted }: KerasModel,
): ForeignWeight[] {
  const layers = weightedLayers(config).slice(0, weighted.length);
  return layers.flatMap(({ weights }, i) =>
    weights.map(({ name, shape }) => {
      const theirs = `${weighted[i]}/${name.slice(name.indexOf(".") + 1)}`;
      return { name, theirs, shape };
    })
  );
}

/** Weights of the right shapes may belong to a network that computes something else with them. */
function checkSteps(
  { inputShape, steps }: KerasModel,
  config: ModelConfig,
  refuse: Refuse,
): void {
  const { model } = config;
  const network = describeNetwork(namedNetwork(config));
  if (`${inputShape}` !== `${network.inputShape}`) {
    throw refuse(
      `it takes images of [${inputShape}], and ${model} of [${network.inputShape}]`,
    );
  }
  const expected = stepsOf(network);
  const count = Math.max(expected.length, steps.length);
  for (let i = 0; i < count; i++) {
    if (steps[i] === expected[i]) continue;
    const [is, not] = [steps[i] ?? "missing", expected[i] ?? "there"];
    throw refuse(
      `it has the weights of ${model} and computes something else: step ${
        i + 1
      } is ${is}, not ${not}`,
    );
  }
}

/** A file of weights; those of a group follow one another. */
interface Shard {
  readonly path: string;
  /** Offset of its first byte in the group. */
  readonly begin: number;
  readonly end: number;
}

/** A weight in the files of its group. */
interface ManifestEntry {
  readonly shape: Shape;
  /** Offset of its first byte in the group. */
  readonly begin: number;
  readonly shards: readonly Shard[];
}

/** Where the weights are, and how to refuse them. */
interface Source {
  /** The folder of `model.json`, without links. */
  readonly folder: string;
  readonly refuse: Refuse;
}

/**
 * Reads the list of weights, by "LAYER/KIND" such as "conv2d_1/kernel". It checks that their files have as many bytes
 * as it says, before any is read.
 */
async function parseManifest(
  manifest: unknown,
  source: Source,
): Promise<Map<string, ManifestEntry>> {
  const { refuse } = source;
  if (!Array.isArray(manifest)) {
    throw refuse("its weightsManifest is no list");
  }
  const entries = new Map<string, ManifestEntry>();
  const known = new Set<string>();
  for (const group of manifest) {
    if (
      !isObject(group) || !Array.isArray(group.paths) ||
      !Array.isArray(group.weights)
    ) throw refuse("its weightsManifest has no paths or weights");
    const shards: Shard[] = [];
    let size = 0;
    for (const path of group.paths) {
      const shard = await findShard(path, source);
      if (known.has(shard.path)) {
        throw refuse(`it lists file ${showName(path)} of weights twice`);
      }
      known.add(shard.path);
      shards.push({ path: shard.path, begin: size, end: size += shard.size });
    }
    let begin = 0;
    for (const weight of group.weights) {
      const { name, shape } = parseWeight(weight, refuse);
      if (entries.has(name)) {
        throw refuse(`it has weight ${showName(name)} twice`);
      }
      entries.set(name, { shape, begin, shards });
      begin += 4 * sizeOf(shape);
    }
    if (begin !== size) {
      throw refuse(
        `its weights have ${begin} bytes, and their files ${size}: damaged, or truncated`,
      );
    }
  }
  return entries;
}

async function findShard(
  name: unknown,
  { folder, refuse }: Source,
): Promise<{ path: string; size: number }> {
  // The format's writers name files like this. Another path could lead to any file of the person who imports the model.
  if (typeof name !== "string" || !/^[\w-][\w.-]*$/.test(name)) {
    const shown = showName(JSON.stringify(name));
    throw refuse(
      `its weights are in ${shown}, which is no plain name of a file beside it`,
    );
  }
  const link = host.join(folder, name);
  const size = await fileSize(link);
  const path = await orCannotRead(link, () => host.realPath(link));
  if (host.folderOf(path) === folder) return { path, size };
  throw refuse(`its weights in ${name} lead out of its folder`);
}

function parseWeight(
  weight: unknown,
  refuse: Refuse,
): { name: string; shape: Shape } {
  if (!isObject(weight) || typeof weight.name !== "string") {
    throw refuse("its weightsManifest has a weight without a name");
  }
  const { shape, dtype, quantization } = weight;
  const it = `its weight ${showName(weight.name)}`;
  if (dtype !== "float32" || quantization !== undefined) {
    throw refuse(
      `${it} is not stored as float32: convert it without quantization`,
    );
  }
  if (
    !areCounts(shape) || shape.length > 4 ||
    !Number.isSafeInteger(4 * sizeOf(shape))
  ) throw refuse(`${it} has a shape that is not a list of at most 4 sizes`);
  // Some writers put the name of the model before.
  return { name: weight.name.split("/").slice(-2).join("/"), shape };
}

async function readWeight(
  { shape, begin, shards }: ManifestEntry,
): Promise<NamedTensor> {
  const bytes = new Uint8Array(4 * sizeOf(shape));
  for (const { path, ...shard } of shards) {
    const from = Math.max(begin, shard.begin);
    const to = Math.min(begin + bytes.length, shard.end);
    if (from >= to) continue;
    using file = await orCannotRead(path, () => host.open(path, "read"));
    const part = bytes.subarray(from - begin, to - begin);
    await readPart(file, { path, bytes: part, at: from - shard.begin });
  }
  return { shape, values: new Float32Array(bytes.buffer) };
}

/** Bytes of a file of weights, as TensorFlow's converter has it: browsers load several at once, and cache them. */
const SHARD_BYTES = 4 * 2 ** 20;

/** Writes the folder, whole or not at all. There must be none yet, or an empty one. The tensors are in the order of the network. */
export async function exportTfjs(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const part = `${path.replace(/\/+$/, "")}.${crypto.randomUUID()}.part`;
  try {
    await host.makeFolder(part);
    await writeModel(part, network, await writeShards(part, tensors));
    await host.rename(part, path);
  } catch (error) {
    await host.remove(part, { recursive: true }).catch(() => {});
    throw new DataError(
      path,
      `Cannot write folder ${path}: ${
        reasonOf(error)
      }; name one that does not exist yet, or is empty`,
    );
  }
}

/** Writes tensors one after the other, cut into files; returns the names of those. */
async function writeShards(
  folder: string,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<string[]> {
  let numBytes = 0;
  const all = Array.from(tensors.values(), ({ values }) => {
    const { buffer, byteOffset, byteLength } = values;
    const at = numBytes;
    numBytes += byteLength;
    return { at, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
  });
  const count = Math.ceil(numBytes / SHARD_BYTES);
  const names: string[] = [];
  for (let begin = 0; begin < numBytes; begin += SHARD_BYTES) {
    const end = begin + SHARD_BYTES;
    const pieces = all.map(({ at, bytes }) =>
      bytes.subarray(Math.max(0, begin - at), Math.max(0, end - at))
    );
    names.push(`group1-shard${names.length + 1}of${count}.bin`);
    await writeAtomically(`${folder}/${names.at(-1)}`, pieces);
  }
  return names;
}

async function writeModel(
  folder: string,
  network: DescribedNetwork,
  paths: readonly string[],
): Promise<void> {
  const weights = network.layers.flatMap((layer) => layer.weights);
  const model = {
    format: "layers-model",
    generatedBy: `${packageConfig.name} ${packageConfig.version}`,
    convertedBy: null,
    modelTopology: {
      ...toKeras(network),
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
    weightsManifest: [{
      paths,
      weights: weights.map(({ name, shape }) => ({
        name: name.replace(".", "/"),
        shape,
        dtype: "float32",
      })),
    }],
  };
  const text = `${JSON.stringify(model, null, 1)}\n`;
  await writeAtomically(`${folder}/model.json`, text);
}
