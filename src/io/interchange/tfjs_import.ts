/**
 * Reads a network in TensorFlow.js's layers format.
 *
 * @module
 */

import { AlexNetError } from "../../errors.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { ModelConfig } from "../model_config.ts";
import { cannotRead, fileSize, orCannotRead } from "../read_file.ts";
import type { NamedTensor } from "../safetensors.ts";
import { isObject, showName } from "../untrusted.ts";
import { describeNetwork } from "./described.ts";
import { detectModel, type KnownModel } from "./detect.ts";
import { type KerasModel, parseKeras, stepsOf } from "./keras_read.ts";
import { parseManifest, readWeight } from "./tfjs_manifest.ts";

/** Largest description of a model that is read, in bytes; the weights are in other files. */
const MAX_BYTES = 16 * 2 ** 20;

/**
 * Reads the network, after its description was checked and compared with the sizes of its files.
 *
 * @param path `model.json`, or its folder.
 * @param known What is known of the network.
 * @returns The network, in the layout of here.
 * @throws {DataError} If a file is damaged, or the network is none of here.
 */
export async function importTfjs(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  const isFolder = await Deno.stat(path).then(
    (s) => s.isDirectory,
    () => false,
  );
  const file = isFolder ? `${path.replace(/\/+$/, "")}/model.json` : path;
  const { modelTopology, weightsManifest } = await _readModel(file);
  const model = _parseTopology(file, modelTopology);
  const entries = await parseManifest(file, weightsManifest);
  const config = detectModel({
    path: file,
    entries,
    expected: (config) =>
      new Map(
        _weights(config, model).map(({ theirs, shape }) => [theirs, shape]),
      ),
    misfit: (config) => _numberMisfit(config, model),
  }, { ...known, imageSize: known.imageSize ?? model.inputShape[0] });
  _checkSteps(file, model, config);
  const tensors = new Map<string, NamedTensor>();
  for (const { ours, theirs } of _weights(config, model)) {
    tensors.set(ours, await readWeight(entries.get(theirs)!));
  }
  return { path: file, config, tensors };
}

async function _readModel(path: string): Promise<Record<string, unknown>> {
  const size = await fileSize(path);
  if (size > MAX_BYTES) {
    throw cannotRead(
      path,
      `it has ${size} bytes, and at most ${MAX_BYTES} are read`,
    );
  }
  const text = await orCannotRead(path, () => Deno.readTextFile(path));
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

function _parseTopology(path: string, topology: unknown): KerasModel {
  try {
    return parseKeras(topology);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
    throw cannotRead(path, error.message);
  }
}

function _weightedLayers(config: ModelConfig) {
  return describeNetwork(config).layers
    .filter(({ weights }) => weights.length > 0);
}

function _numberMisfit(
  config: ModelConfig,
  { weighted: { length } }: KerasModel,
): string | undefined {
  const expected = _weightedLayers(config).length;
  if (length === expected) return undefined;
  return `it has ${length} layers with weights, not ${expected}`;
}

/** The weights of a network of here, as far as a model has layers with weights, and how it calls them. */
function _weights(config: ModelConfig, { weighted }: KerasModel) {
  const layers = _weightedLayers(config).slice(0, weighted.length);
  return layers.flatMap(({ weights }, i) =>
    weights.map(({ name, shape }) => ({
      ours: name,
      theirs: `${weighted[i]}/${name.slice(name.indexOf(".") + 1)}`,
      shape,
    }))
  );
}

/** Weights of the right shapes may belong to a network that computes something else with them. */
function _checkSteps(
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
