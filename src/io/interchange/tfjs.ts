/**
 * TensorFlow.js's layers format: a folder with `model.json` and files of weights. It is read from files that nobody vouches
 * for, and written for `tf.loadLayersModel`.
 *
 * @module
 */

import packageConfig from "../../../deno.json" with { type: "json" };
import { AlexNetError, DataError } from "../../errors.ts";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import { host } from "../../platform/host.ts";
import { reasonOf } from "../../reason.ts";
import { writeAtomically } from "../atomic_file.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { ModelConfig } from "../model_config.ts";
import type { NamedTensor } from "../safetensors.ts";
import {
  areCounts,
  cannotRead,
  fileSize,
  isObject,
  orCannotRead,
  readPart,
  showName,
} from "../untrusted.ts";
import { type DescribedNetwork, describeNetwork } from "./described.ts";
import { detectModel, type KnownModel } from "./detect.ts";
import { type KerasModel, parseKeras, stepsOf, toKeras } from "./keras.ts";

/** Largest description of a model that is read, in bytes; the weights are in other files. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Reads a network from `model.json` or its folder, after its description was checked and compared with the sizes of its
 * files.
 */
export async function importTfjs(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  const isFolder = await host.stat(path).then((s) => s.isFolder, () => false);
  const file = isFolder ? `${path.replace(/\/+$/, "")}/model.json` : path;
  const { modelTopology, weightsManifest } = await readModel(file);
  const model = parseTopology(file, modelTopology);
  const entries = await parseManifest(file, weightsManifest);
  const config = detectModel({
    path: file,
    entries,
    expected: (config) =>
      new Map(
        weightNames(config, model).map(({ theirs, shape }) => [theirs, shape]),
      ),
    misfit: (config) => numberMisfit(config, model),
  }, { ...known, imageSize: known.imageSize ?? model.inputShape[0] });
  checkSteps(file, model, config);
  const tensors = new Map<string, NamedTensor>();
  for (const { ours, theirs } of weightNames(config, model)) {
    tensors.set(ours, await readWeight(entries.get(theirs)!));
  }
  return { path: file, config, tensors };
}

async function readModel(path: string): Promise<Record<string, unknown>> {
  const size = await fileSize(path);
  if (size > MAX_BYTES) {
    throw cannotRead(
      path,
      `it has ${size} bytes, and at most ${MAX_BYTES} are read`,
    );
  }
  const text = await orCannotRead(path, () => host.readText(path));
  let model: unknown;
  try {
    model = JSON.parse(text);
  } catch {
    throw cannotRead(path, "it is not JSON");
  }
  if (!isObject(model) || !isObject(model.modelTopology)) {
    throw cannotRead(path, "it is no model.json of TensorFlow.js");
  }
  // Old writers leave it out.
  const { format = "layers-model" } = model;
  if (format === "layers-model") return model;
  throw cannotRead(
    path,
    `its format is ${
      showName(String(JSON.stringify(format)))
    }: convert it to "layers-model"`,
  );
}

function parseTopology(path: string, topology: unknown): KerasModel {
  try {
    return parseKeras(topology);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    throw cannotRead(path, error.message);
  }
}

function weightedLayers(config: ModelConfig) {
  return describeNetwork(config).layers
    .filter(({ weights }) => weights.length > 0);
}

function numberMisfit(
  config: ModelConfig,
  { weighted: { length } }: KerasModel,
): string | undefined {
  const expected = weightedLayers(config).length;
  if (length === expected) return undefined;
  return `it has ${length} layers with weights, not ${expected}`;
}

/** The weights of a network of here, as far as a model has layers with weights, and how it calls them. */
function weightNames(config: ModelConfig, { weighted }: KerasModel) {
  const layers = weightedLayers(config).slice(0, weighted.length);
  return layers.flatMap(({ weights }, i) =>
    weights.map(({ name, shape }) => ({
      ours: name,
      theirs: `${weighted[i]}/${name.slice(name.indexOf(".") + 1)}`,
      shape,
    }))
  );
}

/** Weights of the right shapes may belong to a network that computes something else with them. */
function checkSteps(
  path: string,
  { inputShape, steps }: KerasModel,
  config: ModelConfig,
): void {
  const network = describeNetwork(config);
  const expected = stepsOf(network);
  const at = expected.findIndex((step, i) => step !== steps[i]);
  if (`${inputShape}` !== `${network.inputShape}`) {
    throw cannotRead(
      path,
      `it takes images of [${inputShape}], and ${config.model} of [${network.inputShape}]`,
    );
  }
  if (at < 0 && steps.length === expected.length) return;
  const step = at < 0 ? expected.length : at;
  throw cannotRead(
    path,
    `it has the weights of ${config.model} and computes something else: step ${
      step + 1
    } is ${steps[step] ?? "missing"}, not ${expected[step] ?? "there"}`,
  );
}

/** Where a weight is in the files of its group, which follow one another. */
interface ManifestEntry {
  /** Its shape. */
  readonly shape: Shape;
  /** Its first byte. */
  readonly begin: number;
  /** The files. */
  readonly shards: readonly Shard[];
}

interface Shard {
  readonly path: string;
  /** Its first byte in the group. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads the list of weights, by "LAYER/KIND" such as "conv2d_1/kernel". It checks that their files have as many bytes
 * as it says, before any is read.
 */
async function parseManifest(
  path: string,
  manifest: unknown,
): Promise<Map<string, ManifestEntry>> {
  if (!Array.isArray(manifest)) {
    throw cannotRead(path, "its weightsManifest is no list");
  }
  const entries = new Map<string, ManifestEntry>();
  const known = new Set<string>();
  for (const group of manifest) {
    if (
      !isObject(group) || !Array.isArray(group.paths) ||
      !Array.isArray(group.weights)
    ) throw cannotRead(path, "its weightsManifest has no paths or weights");
    const shards = await findShards(path, group.paths, { known });
    let begin = 0;
    for (const weight of group.weights) {
      const { name, shape } = parseWeight(path, weight);
      if (entries.has(name)) {
        throw cannotRead(path, `it has weight ${showName(name)} twice`);
      }
      entries.set(name, { shape, begin, shards });
      begin += 4 * sizeOf(shape);
    }
    const size = shards.at(-1)?.end ?? 0;
    if (begin !== size) {
      throw cannotRead(
        path,
        `its weights have ${begin} bytes, and their files ${size}: damaged, or truncated`,
      );
    }
  }
  return entries;
}

/** Reads a weight. */
async function readWeight(entry: ManifestEntry): Promise<NamedTensor> {
  const { shape, shards } = entry;
  const bytes = new Uint8Array(4 * sizeOf(shape));
  const end = entry.begin + bytes.length;
  for (const shard of shards) {
    const from = Math.max(entry.begin, shard.begin);
    const to = Math.min(end, shard.end);
    if (from >= to) continue;
    using file = await orCannotRead(
      shard.path,
      () => host.open(shard.path, "read"),
    );
    await readPart(file, {
      path: shard.path,
      bytes: bytes.subarray(from - entry.begin, to - entry.begin),
      at: from - shard.begin,
    });
  }
  return { shape, values: new Float32Array(bytes.buffer) };
}

/** Finds the files of a group. None may be one of those `known` from the groups before, as bytes count once. */
async function findShards(
  path: string,
  names: readonly unknown[],
  { known }: { known: Set<string> },
): Promise<Shard[]> {
  const folder = await orCannotRead(
    path,
    () => host.realPath(host.folderOf(path)),
  );
  const shards: Shard[] = [];
  for (const name of names) {
    // As the format's writers name them: other files of the reader are none of the model's business.
    if (typeof name !== "string" || !/^[\w-][\w.-]*$/.test(name)) {
      throw cannotRead(
        path,
        `its weights are in ${
          showName(JSON.stringify(name))
        }, which is no plain name of a file beside it`,
      );
    }
    const shard = host.join(folder, name);
    const size = await fileSize(shard);
    const real = await orCannotRead(shard, () => host.realPath(shard));
    if (host.folderOf(real) !== folder) {
      throw cannotRead(path, `its weights in ${name} lead out of its folder`);
    }
    if (known.has(real)) {
      throw cannotRead(
        path,
        `it lists file ${showName(name)} of weights twice`,
      );
    }
    known.add(real);
    const begin = shards.at(-1)?.end ?? 0;
    shards.push({ path: shard, begin, end: begin + size });
  }
  return shards;
}

function parseWeight(
  path: string,
  weight: unknown,
): { name: string; shape: Shape } {
  if (!isObject(weight) || typeof weight.name !== "string") {
    throw cannotRead(path, "its weightsManifest has a weight without a name");
  }
  const { name, shape, dtype, quantization } = weight;
  const refuse = (reason: string) =>
    cannotRead(path, `its weight ${showName(name as string)} ${reason}`);
  if (dtype !== "float32" || quantization !== undefined) {
    throw refuse("is not stored as float32: convert it without quantization");
  }
  if (
    !areCounts(shape) || shape.length > 4 ||
    !Number.isSafeInteger(4 * sizeOf(shape))
  ) throw refuse("has a shape that is not a list of at most 4 sizes");
  // Some writers put the name of the model before.
  return { name: (name as string).split("/").slice(-2).join("/"), shape };
}

/** Bytes of a file of weights, as TensorFlow's converter has it: browsers load several at once, and cache them. */
const SHARD_BYTES = 4 * 2 ** 20;

/** Writes the folder, whole or not at all. There must be none yet, or an empty one. */
export async function exportTfjs(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const part = `${path.replace(/\/+$/, "")}.${crypto.randomUUID()}.part`;
  try {
    await host.makeFolder(part);
    await writeFiles(part, network, tensors);
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

async function writeFiles(
  folder: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const weights = network.layers.flatMap((layer) => layer.weights);
  const numBytes = weights.reduce((sum, w) => sum + 4 * sizeOf(w.shape), 0);
  const numShards = Math.ceil(numBytes / SHARD_BYTES);
  const paths: string[] = [];
  for (
    const pieces of cutShards(weights.map(({ name }) => tensors.get(name)!))
  ) {
    paths.push(`group1-shard${paths.length + 1}of${numShards}.bin`);
    await writeAtomically(`${folder}/${paths.at(-1)}`, pieces);
  }
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
  const text = new TextEncoder().encode(`${JSON.stringify(model, null, 1)}\n`);
  await writeAtomically(`${folder}/model.json`, [text]);
}

/** Cuts tensors that follow one another into shards. A shard is a list of pieces, which are not copied. */
function* cutShards(
  tensors: readonly NamedTensor[],
): Generator<Uint8Array<ArrayBuffer>[]> {
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let room = SHARD_BYTES;
  for (const { values: { buffer, byteOffset, byteLength } } of tensors) {
    for (let done = 0; done < byteLength;) {
      const length = Math.min(room, byteLength - done);
      pieces.push(new Uint8Array(buffer, byteOffset + done, length));
      done += length;
      room -= length;
      if (room > 0) continue;
      yield pieces;
      [pieces, room] = [[], SHARD_BYTES];
    }
  }
  if (pieces.length > 0) yield pieces;
}
