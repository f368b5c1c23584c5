/** A network as plain data, which a file can hold: its layers, and what it was trained on. */

import { storedImages } from "../data/array_dataset.ts";
import { fashionMnistTransform } from "../data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { DataLoader } from "../data/loader/data_loader.ts";
import { wholeOf } from "../data/split.ts";
import * as transforms from "../data/transforms/mod.ts";
import { takeApart, type Transform } from "../data/transforms/transform.ts";
import { ShapeError } from "../errors.ts";
import { MODEL_NAMES, type ModelName, namedLayers } from "../models/named.ts";
import { layerOf } from "../nn/from_config.ts";
import type { LayerConfig } from "../nn/layer.ts";
import {
  type PlacedLayer,
  type SequentialOptions,
  summarize,
} from "../nn/sequential.ts";
import { type Shape, sizeOf } from "../nn/shape.ts";
import { reasonOf } from "../reason.ts";
import { areCounts, isObject, parseJson, showName } from "./files.ts";

/** Which network it is, in short. */
export interface ModelConfig {
  /** Name of the network; "own" for any other than those of this package. */
  readonly model: ModelName | "own";
  /** Number of classes. */
  readonly classes: number;
  /** Height and width of the images; of images that are not square, the height. */
  readonly imageSize: number;
  /** Channels of the images, if they are known to be others than 1. */
  readonly channels?: number;
}

/** Any network as plain data, from which it can be built again, and what is known of its data. */
export interface NetworkConfig {
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** The layers, first to last. */
  readonly layers: readonly LayerConfig[];
  /** What class 0, 1, ... means. */
  readonly classNames?: readonly string[];
  /** What is done to an image before the network is evaluated on it, first to last. */
  readonly transform?: readonly TransformConfig[];
  /** Shape of the images before that, `[height, width, channels]`, if all have the same. */
  readonly imageShape?: Shape;
}

/** A transform as plain data. */
export interface TransformConfig {
  /** Name of the function of this package that makes it, for example "resize"; left out for a transform of the user's own. */
  readonly name?: string;
  /** What that function is called with. */
  readonly args?: readonly unknown[];
  /** What a transform of the user's own is called. No file can hold it, so nobody can make it again. */
  readonly description?: string;
}

/** Most classes of a network that is known by its name. */
export const MAX_CLASSES = 100_000;
/** Largest height and width of images. */
export const MAX_IMAGE_SIZE = 4096;
/** Most layers of a network that is read from a file. */
const MAX_LAYERS = 1000;

/** What {@linkcode saveModel} writes beside the network. */
export interface SaveModelOptions {
  /** What the network is evaluated on: it knows the names of the classes, the transform, and the size of the images. */
  data?: DataLoader;
  /** What class 0, 1, ... means. Default: as `data` says. */
  classNames?: readonly string[];
  /** What is done to an image before the network is evaluated on it. Default: as `data` says. */
  transform?: Transform;
}

/** Describes a network. It throws a `ShapeError` if the network could not be built again from what a file would say of it. */
export function networkOf(
  { layers, inputShape }: Pick<SequentialOptions, "layers" | "inputShape">,
  { data, ...given }: SaveModelOptions = {},
): NetworkConfig {
  const placed = summarize(layers, inputShape);
  for (const { name, kind, config } of placed) {
    if (config !== undefined && layerOf(config).kind === kind) continue;
    throw new ShapeError(
      `Cannot keep layer ${name}, as it is of your own, without the \`config\` of a layer of this package to build it again from: use layers of this package, or keep the values of getWeights() yourself`,
    );
  }
  const { classNames = data?.dataset.classNames } = given;
  const { transform = data?.transform } = given;
  const images = data && storedImages(wholeOf(data.dataset).whole);
  const network = {
    inputShape,
    layers: placed.map(({ config }) => config),
    classNames,
    transform: transform && describeTransform(transform),
    imageShape: images && [images.height, images.width, images.channels],
  };
  try {
    return parseNetwork(JSON.stringify(network));
  } catch (error) {
    throw new ShapeError(`Cannot keep the network: ${reasonOf(error)}`);
  }
}

/**
 * Describes a transform, unless it draws random numbers: nothing is evaluated with those for training. One of a module of the
 * user's has no name, as a file must not be able to name code on the machine of the person who reads it.
 */
function describeTransform(
  transform: Transform,
): TransformConfig[] | undefined {
  const steps = takeApart(transform).map(({ origin, description }) =>
    origin?.args && origin.module === undefined
      ? { name: origin.name, args: origin.args }
      : { description }
  );
  const isRandom = /"name":"(random|colorJitter)/.test(JSON.stringify(steps));
  return isRandom ? undefined : steps;
}

/** Describes a network that has a name. */
export function namedNetwork(
  { model, ...options }: ModelConfig,
): NetworkConfig {
  if (model === "own") throw new ShapeError("its layers are not known");
  const { layers, inputShape } = namedLayers({ model, ...options });
  return { inputShape, layers: layers.map(({ config }) => config!) };
}

/** Adds what Fashion-MNIST is, and what the command line does to its images. */
export function onFashionMnist(network: NetworkConfig): NetworkConfig {
  const [height, width] = network.inputShape;
  const imageShape = [28, 28, 1];
  const isSame = height === imageShape[0] && width === imageShape[1];
  const resize = isSame ? undefined : [height, width] as const;
  const transform = describeTransform(fashionMnistTransform({ resize }));
  const { classNames } = MANIFEST;
  return { ...network, classNames, transform, imageShape };
}

/** Reads the description of a network from JSON. The message of an error completes "Cannot use FILE: ...". */
export function parseNetwork(text: string): NetworkConfig {
  try {
    return checkNetworkConfig(parseJson(text) as NetworkConfig);
  } catch (error) {
    // A file may have values of any type, which nothing expects that takes layers and transforms of programs.
    const reason = showName(reasonOf(error), 300);
    throw new ShapeError(`its description of the network is wrong: ${reason}`);
  }
}

function checkNetworkConfig(given: NetworkConfig): NetworkConfig {
  const { inputShape, classNames, transform, imageShape } = given;
  for (const shape of [inputShape, imageShape ?? inputShape]) {
    const isShape = areCounts(shape) && shape.length === 3 &&
      shape.every((n) => n >= 1 && n <= MAX_IMAGE_SIZE);
    if (isShape) continue;
    throw new ShapeError(
      `[${shape}] is no [height, width, channels] up to ${MAX_IMAGE_SIZE}`,
    );
  }
  if (given.layers.length > MAX_LAYERS) throw new ShapeError("too many layers");
  const layers = given.layers.map((layer) => layerOf(layer).config!);
  const classes = sizeOf(describeNetwork({ inputShape, layers }).outputShape);
  if (transform !== undefined) makeTransform(transform);
  if (
    classNames?.length !== classes && classNames !== undefined ||
    !(classNames ?? []).every((name) => typeof name === "string")
  ) {
    throw new ShapeError(`${classNames?.length} names for ${classes} classes`);
  }
  return { inputShape, layers, classNames, transform, imageShape };
}

/** The functions that a file may name. */
const { compose, ...MAKERS } = transforms;

/** Makes a transform of its description. A part of the user's own throws a `ShapeError` when an image gets to it. */
export function makeTransform(steps: readonly TransformConfig[]): Transform {
  return compose(steps.map(({ name, args = [], description }) => {
    if (name === undefined) {
      return () => {
        throw new ShapeError(
          `Cannot prepare images for the network, as a file cannot hold ${
            showName(String(description))
          }, with which it was evaluated: apply it in a program, and use classify()`,
        );
      };
    }
    if (!Object.hasOwn(MAKERS, name) || !areSmall(args)) {
      throw new ShapeError(`there is no ${name}(${JSON.stringify(args)})`);
    }
    const make = MAKERS[name as keyof typeof MAKERS];
    return (make as (...args: unknown[]) => Transform)(...args);
  }));
}

/** Whether no number is larger than any that a transform of images needs, as sizes are memory. */
function areSmall(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) <= MAX_IMAGE_SIZE;
  return typeof value !== "object" ||
    Object.values(value ?? {}).every(areSmall);
}

/** The description of the network of a checkpoint, which may have its name alone. */
export function networkIn(
  { network, config }: { network?: NetworkConfig; config: ModelConfig },
): NetworkConfig {
  return network ?? namedNetwork(config);
}

/** The layers of a network and the shape of its input: what a `Sequential` is made of. */
export function layersOf(
  { inputShape, layers }: NetworkConfig,
): Pick<SequentialOptions, "inputShape" | "layers"> {
  return { inputShape, layers: layers.map(layerOf) };
}

/** A layer of this package in its network. */
export type DescribedLayer = PlacedLayer & { readonly config: LayerConfig };

/** A network without its weights. */
export interface DescribedNetwork {
  readonly name: string;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly layers: readonly DescribedLayer[];
}

/** Works out the shapes in a network, and those of its weights. */
export function describeNetwork(
  network: NetworkConfig,
  name = "own",
): DescribedNetwork {
  const { layers, inputShape } = layersOf(network);
  const described = summarize(layers, inputShape) as DescribedLayer[];
  const { outputShape } = described.at(-1) ?? { outputShape: inputShape };
  return { name, inputShape, outputShape, layers: described };
}

/** Lists the shapes of a network's weights by name, in their order. */
export function weightShapes(network: NetworkConfig): Map<string, Shape> {
  const { layers } = describeNetwork(network);
  const weights = layers.flatMap((layer) => layer.weights);
  return new Map(weights.map(({ name, shape }) => [name, shape]));
}

/** Reads which network it is from JSON. The message of an error completes "Cannot use FILE: ...". */
export function parseModelConfig(text = ""): ModelConfig {
  const description = parseJson(text);
  if (!isObject(description)) {
    throw new ShapeError("its description of the network is damaged");
  }
  const model = [...MODEL_NAMES, "own" as const]
    .find((name) => name === description.model);
  if (model === undefined) {
    throw new ShapeError(`its network is not one of ${MODEL_NAMES.join(", ")}`);
  }
  const count = (name: "classes" | "imageSize" | "channels", max: number) => {
    const value = description[name];
    const isInteger = typeof value === "number" && Number.isInteger(value);
    if (isInteger && value >= 1 && value <= max) return value;
    throw new ShapeError(
      `its description of the network has ${name} that is no number from 1 to ${max}`,
    );
  };
  const hasChannels = description.channels !== undefined;
  const config = {
    model,
    classes: count("classes", MAX_CLASSES),
    imageSize: count("imageSize", MAX_IMAGE_SIZE),
    ...hasChannels ? { channels: count("channels", MAX_IMAGE_SIZE) } : {},
  };
  try {
    if (model !== "own") weightShapes(namedNetwork(config));
    return config;
  } catch (error) {
    throw new ShapeError(
      `it describes an impossible network: ${reasonOf(error)}`,
    );
  }
}

/** Whether networks compute the same with the same weights, once they are trained: dropout does not count. */
export function computeSame(one: NetworkConfig, other: NetworkConfig): boolean {
  const [a, b] = [one, other].map(({ inputShape, layers }) =>
    JSON.stringify([inputShape, layers.filter((l) => l.kind !== "dropout")])
  );
  return a === b;
}

/** Finds out which network it is. */
export function modelOf(network: NetworkConfig): ModelConfig {
  const [imageSize, , channels] = network.inputShape;
  const options = {
    classes: sizeOf(describeNetwork(network).outputShape),
    imageSize,
    ...channels === 1 ? {} : { channels },
  };
  const model = MODEL_NAMES.find((model) => {
    try {
      return computeSame(namedNetwork({ model, ...options }), network);
    } catch {
      // There is none of this name for such images or classes.
      return false;
    }
  });
  return { model: model ?? "own", ...options };
}

/** Describes a network to people. */
export function describeModel(config: ModelConfig): string {
  const { model, classes, imageSize, channels = 1 } = config;
  const kind = model === "own" ? "a network of its own kind" : model;
  const size = model === "own" ? "" : `${imageSize}x${imageSize} `;
  const colors = channels === 1 ? "" : ` of ${channels} channels`;
  return `${kind} for ${classes} classes and ${size}images${colors}`;
}

/** Says in what a network is not what `where`, for example "config.json", says, if it is not. That may leave out the channels. */
export function contradiction(
  found: ModelConfig,
  { expected, where }: { expected: ModelConfig; where: string },
): string | undefined {
  const { channels } = found;
  const [is, says] = [found, { channels, ...expected }].map(describeModel);
  return is === says ? undefined : `it is ${is}, and ${where} says ${says}`;
}

/** The first weight that a file lacks, or has with another shape. */
interface Misfit {
  /** What the file has instead. */
  readonly found: string;
  readonly isMissing: boolean;
  /** The shape that the weight should have. */
  readonly shape: Shape;
}

/** Compares the tensors of a file with the shapes that are expected. */
export function findMisfit(
  expected: ReadonlyMap<string, Shape>,
  entries: ReadonlyMap<string, { readonly shape: Shape }>,
): Misfit | undefined {
  for (const [name, shape] of expected) {
    const entry = entries.get(name);
    const isMissing = entry === undefined;
    if (!isMissing && `${entry.shape}` === `${shape}`) continue;
    const tensor = `tensor ${showName(name)}`;
    const found = isMissing
      ? `it has no ${tensor}`
      : `its ${tensor} has shape [${showName(String(entry.shape))}]`;
    return { found, isMissing, shape };
  }
}
