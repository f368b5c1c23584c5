/**
 * Which network a file holds, as text that nobody vouches for, and whether its tensors are those of that network.
 *
 * @module
 */

import { DataError, OptionError, ShapeError } from "../errors.ts";
import { MODEL_NAMES, type ModelName, namedLayers } from "../models/named.ts";
import type { Shape } from "../nn/shape.ts";
import { summarize } from "../nn/sequential.ts";
import { isObject } from "./untrusted.ts";

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
export function parseModelConfig(text: string | undefined): ModelConfig {
  let config: unknown;
  try {
    config = JSON.parse(text ?? "");
  } catch {
    // The check below says that it is damaged.
  }
  if (!isObject(config)) {
    throw new ShapeError("its description of the network is damaged");
  }
  const { model, classes, imageSize } = config;
  const name = MODEL_NAMES.find((name) => name === model);
  if (name === undefined) {
    throw new ShapeError(
      `its network is none of ${MODEL_NAMES.join(" and ")}`,
    );
  }
  const known = {
    model: name,
    classes: requireCount("classes", classes, MAX_CLASSES),
    imageSize: requireCount("imageSize", imageSize, MAX_IMAGE_SIZE),
  };
  weightShapes(known);
  return known;
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
    throw new ShapeError(`it has no possible network: ${error.message}`);
  }
}

/** Checks that a file has the weights of a network, before any of them is read. */
export function checkWeightShapes(
  config: ModelConfig,
  file: {
    path: string;
    entries: ReadonlyMap<string, { dtype: string; shape: Shape }>;
  },
): void {
  const { path, entries } = file;
  for (const [name, shape] of weightShapes(config)) {
    const entry = entries.get(name);
    const found = entry === undefined
      ? `it has no tensor ${name}`
      : `its tensor ${name} has shape [${entry.shape.slice(0, 8)}]`;
    if (entry !== undefined && `${entry.shape}` === `${shape}`) continue;
    throw new DataError(
      path,
      `Cannot use ${path}: ${found}, and ${
        describeModel(config)
      } has one of [${shape}]: it holds another network`,
    );
  }
}

/** Checks that a network has as many classes as some data, before it is asked for them. */
export function checkClasses(
  { path, config }: { path: string; config: ModelConfig },
  classes: number,
): void {
  if (config.classes === classes) return;
  throw new DataError(
    path,
    `Cannot use ${path} on data of ${classes} classes: it is ${
      describeModel(config)
    }`,
  );
}

/** Describes a network to people. */
export function describeModel(config: ModelConfig): string {
  const { model, classes, imageSize } = config;
  return `${model} for ${classes} classes and ${imageSize}x${imageSize} images`;
}

function requireCount(name: string, value: unknown, max: number): number {
  if (
    Number.isInteger(value) && value as number >= 1 && value as number <= max
  ) {
    return value as number;
  }
  throw new ShapeError(
    `its description of the network has ${name} that is no number from 1 to ${max}`,
  );
}
