/**
 * Weights in safetensors files with PyTorch's names and layouts: those of the `state_dict` of a `torch.nn.Sequential` with a
 * module per layer and per activation. Files that are read may also have our names and layouts.
 */

import { AlexNetError, ShapeError } from "../../errors.ts";
import { paddingOf, type Shape } from "../../nn/shape.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { cannotRead, showName, writeAtomically } from "../files.ts";
import {
  type DescribedLayer,
  describeNetwork,
  type ModelConfig,
  namedNetwork,
  networkIn,
  parseModelConfig,
  weightShapes,
} from "../network.ts";
import {
  encodeSafetensors,
  type NamedTensor,
  openSafetensors,
  type SafetensorsFile,
} from "../safetensors.ts";
import {
  describeAssumption,
  detectModel,
  fits,
  type ForeignWeight,
  type KnownModel,
  permute,
  readWeightFile,
  type WeightFile,
} from "./weights.ts";

/** One of our weights, as PyTorch has it. */
interface PyTorchWeight extends Required<ForeignWeight> {
  /** Copies one of our tensors into PyTorch's layout. */
  readonly toTheirs: (tensor: NamedTensor) => NamedTensor;
}

/** Lists the weights of a network in the order of PyTorch's `state_dict`. */
export function pytorchWeights(
  layers: readonly DescribedLayer[],
): PyTorchWeight[] {
  const list: PyTorchWeight[] = [];
  let index = 0;
  let image: Shape | undefined;
  for (const { config, inputShape, weights } of layers) {
    if (config.kind === "flatten" && inputShape.length === 3) {
      image = inputShape;
    }
    for (const [i, { name, shape }] of weights.entries()) {
      // Our first dense layer reads an image row by row, each pixel's channels together; PyTorch's reads channel by channel.
      const dimensions = shape.length === 2 && image
        ? [...image, shape[1]]
        : shape;
      const theirs = `${index}.${i === 0 ? "weight" : "bias"}`;
      list.push({ name, theirs, ...layouts(shape, dimensions) });
    }
    if (weights.length > 0) image = undefined;
    const hasActivation = "activation" in config &&
      config.activation !== "linear";
    index += hasActivation ? 2 : 1;
  }
  return list;
}

/** How PyTorch lays out a weight of our shape `ours`; `dimensions` is that shape with all dimensions that change their order. */
function layouts(
  ours: Shape,
  dimensions: Shape,
): Pick<PyTorchWeight, "shape" | "toOurs" | "toTheirs"> {
  const shape = pytorchOrder(ours).map((d) => ours[d]);
  const order = pytorchOrder(dimensions);
  const moved = order.map((d) => dimensions[d]);
  const back = order.map((_, d) => order.indexOf(d));
  return {
    shape,
    toTheirs: ({ values }) => (
      { shape, values: permute({ shape: dimensions, values }, order) }
    ),
    toOurs: ({ values }) => (
      { shape: ours, values: permute({ shape: moved, values }, back) }
    ),
  };
}

/** For each dimension in PyTorch, which one of ours it is: HWIO becomes OIHW, `[in, out]` becomes `[out, in]`. */
function pytorchOrder({ length }: Shape): number[] {
  return length === 4 ? [3, 2, 0, 1] : length === 2 ? [1, 0] : [0];
}

/** Writes a network. Each weight is copied when it is its turn, so that one at a time is in memory twice. */
export async function exportPyTorch(
  path: string,
  checkpoint: Omit<Checkpoint, "path">,
): Promise<void> {
  const { config, tensors } = checkpoint;
  const { layers } = describeNetwork(networkIn(checkpoint));
  layers.forEach(requireModule);
  const weights = pytorchWeights(layers);
  const turned = weights.map(({ name, theirs, shape, toTheirs }) =>
    [theirs, {
      shape,
      get values() {
        return toTheirs(tensors.get(name)!).values;
      },
    }] as const
  );
  // "pt" is how PyTorch's own files are marked.
  const metadata = { format: "pt", config: JSON.stringify(config) };
  const content = { tensors: new Map(turned), metadata };
  await writeAtomically(path, encodeSafetensors(content));
}

/** PyTorch's modules pad both sides alike, but for a convolution whose steps are 1. */
function requireModule({ name, config, inputShape }: DescribedLayer): void {
  if (!("strides" in config)) return;
  const { begins, ends } = paddingOf(config, inputShape);
  const isPlain = config.kind === "conv2d" && `${config.strides}` === "1,1";
  if (isPlain || `${begins}` === `${ends}`) return;
  throw new ShapeError(
    `Cannot export layer ${name} in PyTorch's layout, as its padding is [${begins}] before and [${ends}] after the image, and PyTorch pads both sides alike: use another format`,
  );
}

/** Finds out which network's weights a file has, and reads them. */
export async function importSafetensors(
  path: string,
  known: KnownModel,
): Promise<Checkpoint> {
  using file = await openSafetensors(path);
  if (file.metadata.config?.startsWith('{"model":"own"')) {
    throw cannotRead(path, "it says that its network is none of this package");
  }
  const isOurs = [...file.entries.keys()].some((n) => n.endsWith(".kernel"));
  const weights = { ...file, ...isOurs ? OUR_LAYOUT : pytorchLayout(file) };
  const stated = statedConfig(file, weights, known);
  const config = stated ?? detectModel(weights, known);
  if (!stated) known.onAssumption?.(describeAssumption(config));
  return await readWeightFile(weights, config);
}

type Layout = Pick<WeightFile, "weightsOf" | "misfitOf">;

const OUR_LAYOUT: Layout = {
  weightsOf: (config) =>
    Array.from(
      weightShapes(namedNetwork(config)),
      ([name, shape]) => ({ name, theirs: name, shape }),
    ),
  // Our files may have the state of a run beside the weights.
  misfitOf: () => undefined,
};

/** A module of a `Sequential` that may itself be a part of something: "0.weight" or "net.0.weight". */
const PYTORCH_NAME = /^(.*?)\d+\.(?:weight|bias)$/;

function pytorchLayout({ entries }: SafetensorsFile): Layout {
  const names = [...entries.keys()];
  const prefixOf = (name = "") => PYTORCH_NAME.exec(name)?.[1];
  const prefix = prefixOf(names[0]) ?? "";
  const weightsOf = (config: ModelConfig) =>
    pytorchWeights(describeNetwork(namedNetwork(config)).layers).map((
      weight,
    ) => (
      { ...weight, theirs: `${prefix}${weight.theirs}` }
    ));
  return {
    weightsOf,
    misfitOf(config) {
      const known = new Set(weightsOf(config).map(({ theirs }) => theirs));
      const extra = names.find((name) =>
        prefixOf(name) === prefix && !known.has(name)
      );
      return extra && `it has tensor ${showName(extra)} too many`;
    },
  };
}

/** Which network a file says that it holds, as files that this package wrote do. */
function statedConfig(
  { metadata }: SafetensorsFile,
  weights: WeightFile,
  { model, imageSize }: KnownModel,
): ModelConfig | undefined {
  try {
    const config = parseModelConfig(metadata.config);
    const isMeant = (model ?? config.model) === config.model &&
      (imageSize ?? config.imageSize) === config.imageSize;
    return isMeant && fits(weights, config) ? config : undefined;
  } catch (error) {
    // Another program's metadata may have anything of that name.
    if (!(error instanceof AlexNetError)) throw error;
  }
}
