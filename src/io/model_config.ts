/**
 * Which network a file holds, as text that nobody vouches for, and whether its tensors are those of that network.
 *
 * @module
 */

import { DataError, OptionError, ShapeError } from "../errors.ts";
import { MODEL_NAMES, type ModelName, namedLayers } from "../models/named.ts";
import type { Shape } from "../nn/shape.ts";
import { summarize } from "../nn/summary.ts";
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

/**
 * Reads the description of a network.
 *
 * @param text The description, JSON.
 * @returns The network, which the layers of its kind can make.
 * @throws {ShapeError} If it is not one, in words to complete "Cannot use FILE: ...".
 */
export function parseModelConfig(text: string | undefined): ModelConfig {
  let config: unknown;
  try {
    config = JSON.parse(text ?? "");
  } catch {
    // Said below.
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
    classes: _requireCount("classes", classes, MAX_CLASSES),
    imageSize: _requireCount("imageSize", imageSize, MAX_IMAGE_SIZE),
  };
  weightShapes(known);
  return known;
}

/**
 * Lists the weights of a network, without building it.
 *
 * @param config Which network.
 * @returns Shapes by name, in the order of the network's weights.
 * @throws {ShapeError} If there is no such network.
 */
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

/**
 * Checks that a file has the weights of a network, before any of them is read.
 *
 * @param config Which network.
 * @param file Its path, and type and shape of its tensors by name.
 * @throws {DataError} If a weight is missing or is another one.
 */
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

/**
 * Checks that a network tells as many classes as there are in some data, before it is asked for them.
 *
 * @param file The path of the network's file, and which network it is.
 * @param classes Number of classes of the data.
 * @throws {DataError} If they differ.
 */
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

/**
 * Describes a network to people.
 *
 * @param config Which network.
 * @returns A few words.
 */
export function describeModel(config: ModelConfig): string {
  const { model, classes, imageSize } = config;
  return `${model} for ${classes} classes and ${imageSize}x${imageSize} images`;
}

function _requireCount(name: string, value: unknown, max: number): number {
  if (
    Number.isInteger(value) && value as number >= 1 && value as number <= max
  ) {
    return value as number;
  }
  throw new ShapeError(
    `its description of the network has ${name} that is no number from 1 to ${max}`,
  );
}
