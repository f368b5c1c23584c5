/**
 * Which network a file says that it holds, and whether its tensors are those of that network.
 *
 * @module
 */

import { DataError, OptionError, ShapeError } from "../errors.ts";
import { MODEL_NAMES, type ModelName, namedLayers } from "../models/named.ts";
import type { Shape } from "../nn/shape.ts";
import { summarize } from "../nn/sequential.ts";
import { isObject, parseJson, showName } from "./files.ts";

/** Which network a file holds, so that it can be built again. */
export interface ModelConfig {
  /** Name of the network. */
  readonly model: ModelName;
  /** Number of classes. */
  readonly classes: number;
  /** Height and width of the images. */
  readonly imageSize: number;
}

/** Most classes of a network that is read from a file. */
export const MAX_CLASSES = 100_000;
/** Largest height and width of images of a network that is read from a file. */
export const MAX_IMAGE_SIZE = 4096;

/** Reads the description of a network from JSON. The message of an error completes "Cannot use FILE: ...". */
export function parseModelConfig(text = ""): ModelConfig {
  const description = parseJson(text);
  if (!isObject(description)) {
    throw new ShapeError("its description of the network is damaged");
  }
  const model = MODEL_NAMES.find((name) => name === description.model);
  if (model === undefined) {
    throw new ShapeError(`its network is not one of ${MODEL_NAMES.join(", ")}`);
  }
  const count = (name: "classes" | "imageSize", max: number) => {
    const value = description[name];
    const isInteger = typeof value === "number" && Number.isInteger(value);
    if (isInteger && value >= 1 && value <= max) return value;
    throw new ShapeError(
      `its description of the network has ${name} that is no number from 1 to ${max}`,
    );
  };
  const config = {
    model,
    classes: count("classes", MAX_CLASSES),
    imageSize: count("imageSize", MAX_IMAGE_SIZE),
  };
  weightShapes(config);
  return config;
}

/** Lists the shapes of a network's weights by name, in their order, without building it. */
export function weightShapes(config: ModelConfig): Map<string, Shape> {
  try {
    const { layers, inputShape } = namedLayers(config);
    return new Map(
      summarize(layers, inputShape).flatMap(({ name, weights }) =>
        weights.map((w) => [`${name}.${w.name}`, w.shape] as const)
      ),
    );
  } catch (error) {
    if (!(error instanceof OptionError || error instanceof ShapeError)) {
      throw error;
    }
    throw new ShapeError(
      `it describes an impossible network: ${error.message}`,
    );
  }
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

/** Checks that a network has as many classes as some data, before it is asked for them. */
export function checkClasses(
  { path, config }: { path: string; config: ModelConfig },
  classes: number,
): void {
  if (config.classes === classes) return;
  const model = describeModel(config);
  throw new DataError(
    path,
    `Cannot use ${path} on data of ${classes} classes: it is ${model}`,
  );
}

/** Describes a network to people. */
export function describeModel(config: ModelConfig): string {
  const { model, classes, imageSize } = config;
  return `${model} for ${classes} classes and ${imageSize}x${imageSize} images`;
}
