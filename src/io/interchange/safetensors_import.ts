/**
 * Reads weights from a safetensors file of another program, with the names and layouts of PyTorch or of here.
 *
 * @module
 */

import { AlexNetError } from "../../errors.ts";
import type { Shape } from "../../nn/shape.ts";
import type { Checkpoint } from "../checkpoint.ts";
import {
  type ModelConfig,
  parseModelConfig,
  weightShapes,
} from "../model_config.ts";
import type { NamedTensor } from "../safetensors.ts";
import { openSafetensors, type SafetensorsFile } from "../safetensors_file.ts";
import { showName } from "../untrusted.ts";
import { describeNetwork } from "./described.ts";
import {
  detectModel,
  fits,
  type FoundWeights,
  type KnownModel,
} from "./detect.ts";
import { fromPyTorch, pytorchWeights } from "./pytorch.ts";

/** A module of a `Sequential` that may itself be a part of something: "0.weight" or "net.0.weight". */
const PYTORCH_NAME = /^(.*?)\d+\.(?:weight|bias)$/;

/**
 * Reads the weights, after it was found out which network's they are.
 *
 * @param path The file.
 * @param known What is known of the network.
 * @returns The network, in the layout of here.
 * @throws {DataError} If the file is damaged, or has the weights of no network of here.
 */
export async function importSafetensors(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  using file = await openSafetensors(path);
  const isKeras = [...file.entries.keys()].some((n) => n.endsWith(".kernel"));
  const prefix = isKeras ? "" : _prefixOf(file);
  const found: FoundWeights = {
    path,
    entries: file.entries,
    expected: (config) =>
      isKeras ? weightShapes(config) : _pytorchShapes(config, prefix),
    // Files of here have the state of a run beside the weights.
    misfit: (config) => isKeras ? undefined : _extraOf(file, config, prefix),
  };
  const config = _statedConfig(file, found, known) ??
    detectModel(found, known);
  const tensors = new Map<string, NamedTensor>();
  if (isKeras) {
    for (const name of weightShapes(config).keys()) {
      tensors.set(name, await file.read(name));
    }
  } else {
    for (const weight of pytorchWeights(describeNetwork(config).layers)) {
      const tensor = await file.read(`${prefix}${weight.name}`);
      tensors.set(weight.ours, fromPyTorch(weight, tensor));
    }
  }
  return { path, config, tensors };
}

function _prefixOf({ entries }: SafetensorsFile): string {
  const [first = ""] = entries.keys();
  return PYTORCH_NAME.exec(first)?.[1] ?? "";
}

function _pytorchShapes(
  config: ModelConfig,
  prefix: string,
): Map<string, Shape> {
  const weights = pytorchWeights(describeNetwork(config).layers);
  return new Map(
    weights.map(({ name, shape }) => [`${prefix}${name}`, shape]),
  );
}

/** A module that the network has not. */
function _extraOf(
  { entries }: SafetensorsFile,
  config: ModelConfig,
  prefix: string,
): string | undefined {
  const shapes = _pytorchShapes(config, prefix);
  const extra = [...entries.keys()].find((name) =>
    PYTORCH_NAME.exec(name)?.[1] === prefix && !shapes.has(name)
  );
  return extra && `it has tensor ${showName(extra)} too many`;
}

/** Files that this package wrote say which network it is. */
function _statedConfig(
  { metadata }: SafetensorsFile,
  found: FoundWeights,
  { model, imageSize }: KnownModel,
): ModelConfig | undefined {
  try {
    const config = parseModelConfig(metadata.config);
    const isMeant = (model ?? config.model) === config.model &&
      (imageSize ?? config.imageSize) === config.imageSize;
    return isMeant && fits(found, config) ? config : undefined;
  } catch (error) {
    // Another program's metadata may have anything of that name.
    if (!(error instanceof AlexNetError)) throw error;
  }
}
