/**
 * PyTorch's names and layouts of weights: those of the `state_dict` of a `torch.nn.Sequential` with a module per layer and
 * per activation. They are read from safetensors files, which may also have the names and layouts of here.
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
import {
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
} from "../safetensors.ts";
import { showName } from "../untrusted.ts";
import { type DescribedLayer, describeNetwork, permute } from "./described.ts";
import {
  detectModel,
  fits,
  type FoundWeights,
  type KnownModel,
} from "./detect.ts";

/** A weight here and in PyTorch. */
export interface PyTorchWeight {
  /** Its name in PyTorch, for example "0.weight". */
  readonly name: string;
  /** Its shape in PyTorch: OIHW or `[out, in]` for kernels. */
  readonly shape: Shape;
  /** Its name here, for example "conv2d_1.kernel". */
  readonly ours: string;
  /** Its shape here: HWIO or `[in, out]` for kernels. */
  readonly ourShape: Shape;
  /**
   * Its shape here with every dimension written out that changes its place: `[height, width, in, out]` also for the first
   * dense layer, which here reads an image row by row, each pixel's channels together, and in PyTorch channel by channel.
   */
  readonly dimensions: Shape;
}

/** Lists the weights of a network in the order of PyTorch's `state_dict`. */
export function pytorchWeights(
  layers: readonly DescribedLayer[],
): PyTorchWeight[] {
  const list: PyTorchWeight[] = [];
  let index = 0;
  let image: Shape | undefined;
  for (const { config, input, weights } of layers) {
    if (config.kind === "flatten" && input.length === 3) image = input;
    const [kernel, bias] = weights;
    if (kernel !== undefined) {
      const dimensions = config.kind === "dense" && image
        ? [...image, kernel.shape[1]]
        : kernel.shape;
      const moved = pytorchOrder(dimensions.length).map((d) => dimensions[d]);
      list.push({
        name: `${index}.weight`,
        shape: config.kind === "dense"
          ? [kernel.shape[1], kernel.shape[0]]
          : moved,
        ours: kernel.name,
        ourShape: kernel.shape,
        dimensions,
      }, {
        name: `${index}.bias`,
        shape: bias.shape,
        ours: bias.name,
        ourShape: bias.shape,
        dimensions: bias.shape,
      });
      image = undefined;
    }
    const hasActivation = "activation" in config &&
      config.activation !== "linear";
    index += hasActivation ? 2 : 1;
  }
  return list;
}

/** Copies a weight into PyTorch's layout. */
export function toPyTorch(
  weight: PyTorchWeight,
  tensor: NamedTensor,
): NamedTensor {
  const { shape, dimensions } = weight;
  const whole = { shape: dimensions, values: tensor.values };
  return {
    shape,
    values: permute(whole, pytorchOrder(dimensions.length)).values,
  };
}

/** Copies a weight of PyTorch into the layout here. */
export function fromPyTorch(
  weight: PyTorchWeight,
  tensor: NamedTensor,
): NamedTensor {
  const { ourShape, dimensions } = weight;
  const order = pytorchOrder(dimensions.length);
  const whole = {
    shape: order.map((d) => dimensions[d]),
    values: tensor.values,
  };
  const back = order.map((_, d) => order.indexOf(d));
  return { shape: ourShape, values: permute(whole, back).values };
}

/** For each dimension in PyTorch, which one it is here: HWIO to OIHW, `[in, out]` to `[out, in]`. */
function pytorchOrder(rank: number): number[] {
  return rank === 4 ? [3, 2, 0, 1] : rank === 2 ? [1, 0] : [0];
}

/** A module of a `Sequential` that may itself be a part of something: "0.weight" or "net.0.weight". */
const PYTORCH_NAME = /^(.*?)\d+\.(?:weight|bias)$/;

/** Finds out which network's weights a file has, and reads them. */
export async function importSafetensors(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  using file = await openSafetensors(path);
  const isKeras = [...file.entries.keys()].some((n) => n.endsWith(".kernel"));
  const prefix = isKeras ? "" : prefixOf(file);
  const found: FoundWeights = {
    path,
    entries: file.entries,
    expected: (config) =>
      isKeras ? weightShapes(config) : pytorchShapes(config, prefix),
    // Files of here have the state of a run beside the weights.
    misfit: (config) => isKeras ? undefined : extraOf(file, config, prefix),
  };
  const config = statedConfig(file, found, known) ??
    detectModel(found, known);
  if (isKeras) {
    const tensors = await file.readAll(weightShapes(config).keys());
    return { path, config, tensors };
  }
  const tensors = new Map<string, NamedTensor>();
  for (const weight of pytorchWeights(describeNetwork(config).layers)) {
    const tensor = await file.read(`${prefix}${weight.name}`);
    tensors.set(weight.ours, fromPyTorch(weight, tensor));
  }
  return { path, config, tensors };
}

function prefixOf({ entries }: SafetensorsFile): string {
  const [first = ""] = entries.keys();
  return PYTORCH_NAME.exec(first)?.[1] ?? "";
}

function pytorchShapes(
  config: ModelConfig,
  prefix: string,
): Map<string, Shape> {
  const weights = pytorchWeights(describeNetwork(config).layers);
  return new Map(
    weights.map(({ name, shape }) => [`${prefix}${name}`, shape]),
  );
}

/** A module that the network has not. */
function extraOf(
  { entries }: SafetensorsFile,
  config: ModelConfig,
  prefix: string,
): string | undefined {
  const shapes = pytorchShapes(config, prefix);
  const extra = [...entries.keys()].find((name) =>
    PYTORCH_NAME.exec(name)?.[1] === prefix && !shapes.has(name)
  );
  return extra && `it has tensor ${showName(extra)} too many`;
}

/** Files that this package wrote say which network it is. */
function statedConfig(
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
