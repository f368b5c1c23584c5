/** Weights in files of other programs: finds out which network they belong to, by their names and shapes, and reads them. */

import { AlexNetError, DataError } from "../../errors.ts";
import { MODEL_NAMES, type ModelName, NETWORKS } from "../../models/named.ts";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import type { Checkpoint } from "../checkpoint.ts";
import {
  describeNetwork,
  findMisfit,
  MAX_CLASSES,
  MAX_IMAGE_SIZE,
  type ModelConfig,
  namedNetwork,
} from "../network.ts";
import type { NamedTensor } from "../safetensors.ts";

/** What the caller knows of the network. */
export interface KnownModel {
  /** Name of the network. Default: the one whose weights the file has. */
  readonly model?: ModelName;
  /** Height and width of the images. Default: those of the file or, where it does not say, 224 for AlexNet and 28 for LeNet. */
  readonly imageSize?: number;
  /** Called with a sentence on how the network is taken to compute, where the file has weights alone. */
  readonly onAssumption?: (assumption: string) => void;
}

/** A weight of one of our networks, as a format has it. */
export interface ForeignWeight {
  /** Our name, for example "conv2d_1.kernel". */
  readonly name: string;
  /** Its name in the file. */
  readonly theirs: string;
  /** Its shape in the file. */
  readonly shape: Shape;
  /** Copies a tensor of the file into our layout; left out if the layouts are the same. */
  readonly toOurs?: (tensor: NamedTensor) => NamedTensor;
}

/** A file of weights, and what its format makes of networks. */
export interface WeightFile {
  readonly path: string;
  /** Its tensors by name. */
  readonly entries: ReadonlyMap<string, { readonly shape: Shape }>;
  /** Reads a tensor. */
  read(name: string): Promise<NamedTensor>;
  /** Lists the weights of a network, the last bias last. */
  weightsOf(config: ModelConfig): readonly ForeignWeight[];
  /** Called if the file has all weights of a network: says what else differs from it, to complete "as lenet, ...". */
  misfitOf(config: ModelConfig): string | undefined;
}

/** Reads the weights of a network, which {@linkcode detectModel} or {@linkcode fits} found in the file. */
export async function readWeightFile(
  file: WeightFile,
  config: ModelConfig,
): Promise<Checkpoint> {
  const tensors = new Map<string, NamedTensor>();
  for (const { name, theirs, toOurs } of file.weightsOf(config)) {
    const tensor = await file.read(theirs);
    tensors.set(name, toOurs ? toOurs(tensor) : tensor);
  }
  return { path: file.path, config, tensors };
}

/** Whether a file has the weights of a network. */
export function fits(file: WeightFile, config: ModelConfig): boolean {
  return whyNot(file, config) === undefined;
}

/** Finds the network whose weights the file has. It throws if there is none, or if images of several sizes have such weights. */
export function detectModel(file: WeightFile, known: KnownModel): ModelConfig {
  const { path, entries } = file;
  const models = known.model ? [known.model] : MODEL_NAMES;
  const misfits: string[] = [];
  for (const model of models) {
    const usual = known.imageSize ?? NETWORKS[model].imageSize;
    const withTwo = { model, classes: 2, imageSize: usual };
    const lastBias = weightsOf(file, withTwo)?.at(-1);
    const classes = entries.get(lastBias?.theirs ?? "")?.shape[0] ?? 2;
    const withSize = (imageSize: number) => ({ model, classes, imageSize });
    const misfit = whyNot(file, withSize(usual));
    if (misfit === undefined) return withSize(usual);
    misfits.push(`as ${model}, ${misfit}`);
    if (known.imageSize !== undefined) continue;
    const all = Array.from({ length: MAX_IMAGE_SIZE }, (_, i) => i + 1);
    const sizes = all.filter((size) => fits(file, withSize(size)));
    if (sizes.length === 1) return withSize(sizes[0]);
    if (sizes.length === 0) continue;
    const padded = flattenedSize(withSize(sizes[0]), { pads: true });
    const unpadded = flattenedSize(withSize(usual), { pads: false });
    const doubt = padded === unpadded
      ? `, and a network without padding, which none here is, for images of ${usual}; if it pads as ${model} does,`
      : ";";
    throw new DataError(
      path,
      `Cannot import ${path}: ${model} has such weights for images of ${
        sizes[0]
      } to ${
        sizes.at(-1)
      } pixels${doubt} say which with --resize (\`imageSize\`)`,
    );
  }
  throw new DataError(
    path,
    `Cannot import ${path}: it does not have the weights of ${
      models.join(" or ")
    }: ${misfits.join("; ")}`,
  );
}

/** How many values a network flattens, or would if it padded nothing. */
function flattenedSize(
  config: ModelConfig,
  { pads }: { pads: boolean },
): number | undefined {
  const { inputShape, layers } = describeNetwork(namedNetwork(config));
  let sides = inputShape.slice(0, 2);
  for (const { config, inputShape } of layers) {
    if (config.kind === "flatten") {
      return sizeOf(pads ? inputShape : [...sides, inputShape[2]]);
    }
    if (!("strides" in config)) continue;
    const { size, strides } = config;
    sides = sides.map((n, d) => Math.floor((n - size[d]) / strides[d]) + 1);
  }
}

/** Says what is taken for granted of a network of which names and shapes of weights are known. */
export function describeAssumption(config: ModelConfig): string {
  const { inputShape: [size], layers } = describeNetwork(namedNetwork(config));
  const configs = layers.map(({ config }) => config);
  const convolutions = configs.filter((c) => c.kind === "conv2d");
  const { activation } = convolutions[0];
  const isMax = configs.some(({ kind }) => kind === "max_pool2d");
  const pooling = isMax ? "max" : "average";
  const paddings = convolutions.map(({ padding, size }) =>
    padding === "same" ? (size[0] - 1) / 2 : 0
  ).join(", ");
  return `names and shapes of weights do not tell how a network computes: it is taken for ${config.model} with images of ${size}x${size} pixels, ${activation}, ${pooling} pooling, and convolutions that are padded by ${paddings}; if it was another, its predictions are wrong`;
}

/** Says why a file does not have the weights of a network, if it does not. */
function whyNot(file: WeightFile, config: ModelConfig): string | undefined {
  if (config.classes > MAX_CLASSES) return "its classes are too many";
  const weights = weightsOf(file, config);
  if (weights === undefined) return "its images or classes are too few";
  const shapes = weights.map(({ theirs, shape }) => [theirs, shape] as const);
  const misfit = findMisfit(new Map(shapes), file.entries);
  if (misfit === undefined) return file.misfitOf(config);
  const { found, isMissing, shape } = misfit;
  return isMissing ? found : `${found}, not [${shape}]`;
}

/** The weights of a network as a file would have them; `undefined` if there is no such network. */
function weightsOf(
  file: WeightFile,
  config: ModelConfig,
): readonly ForeignWeight[] | undefined {
  try {
    return file.weightsOf(config);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
  }
}

/** Most dimensions of a tensor. */
const RANK = 4;

/** Copies the values of a tensor for another order of its dimensions: dimension `i` of the result is `order[i]` of the tensor. */
export function permute(
  { shape, values }: NamedTensor,
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  const missing = Array(RANK - shape.length);
  const [n0, n1, n2, n3] = [...missing.fill(1), ...order.map((d) => shape[d])];
  const strides = order.map((d) => sizeOf(shape.slice(d + 1)));
  const [s0, s1, s2, s3] = [...missing.fill(0), ...strides];
  const result = new Float32Array(values.length);
  let i = 0;
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      for (let c = 0; c < n2; c++) {
        const start = a * s0 + b * s1 + c * s2;
        for (let d = 0; d < n3; d++) result[i++] = values[start + d * s3];
      }
    }
  }
  return result;
}
