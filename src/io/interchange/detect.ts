/**
 * Finds out which network's weights a file of another program has, from their names and shapes.
 *
 * @module
 */

import { AlexNetError, DataError } from "../../errors.ts";
import { MODEL_NAMES, type ModelName, NETWORKS } from "../../models/named.ts";
import type { Shape } from "../../nn/shape.ts";
import {
  MAX_CLASSES,
  MAX_IMAGE_SIZE,
  type ModelConfig,
} from "../model_config.ts";
import { showName } from "../untrusted.ts";

/** What the caller knows of the network. */
export interface KnownModel {
  /** Name of the network. Default: the one whose weights the file has. */
  readonly model?: ModelName;
  /** Height and width of the images. Default: those of the file or, where it does not say, 224 for AlexNet and 28 for LeNet. */
  readonly imageSize?: number;
}

/** The weights of a file, and what they would be of any network. */
export interface FoundWeights {
  /** The file. */
  readonly path: string;
  /** Its tensors by name. */
  readonly entries: ReadonlyMap<string, { readonly shape: Shape }>;
  /** The weights of a network as such a file has them: shapes by name, the last bias last. */
  readonly expected: (config: ModelConfig) => ReadonlyMap<string, Shape>;
  /** Says what else differs from a network, if all that is expected is there, in words to follow "as lenet, ". */
  readonly misfit: (config: ModelConfig) => string | undefined;
}

/**
 * Finds the network whose weights the file has. It throws if there is none, or if images of several sizes would give
 * such weights.
 */
export function detectModel(
  found: FoundWeights,
  known: KnownModel,
): ModelConfig {
  const { path, entries } = found;
  const models = known.model ? [known.model] : MODEL_NAMES;
  const misfits: string[] = [];
  for (const model of models) {
    const usual = known.imageSize ?? NETWORKS[model].imageSize;
    const asUsual = { model, classes: 2, imageSize: usual };
    const lastName = [...expectedOf(found, asUsual)?.keys() ?? []].at(-1);
    const classes = entries.get(lastName ?? "")?.shape[0] ?? asUsual.classes;
    const withSize = (imageSize: number) => ({ model, classes, imageSize });
    const misfit = misfitOf(found, withSize(usual));
    if (misfit === undefined) return withSize(usual);
    misfits.push(`as ${model}, ${misfit}`);
    if (known.imageSize !== undefined) continue;
    const sizes = imageSizes().filter((size) =>
      !misfitOf(found, withSize(size))
    );
    if (sizes.length === 1) return withSize(sizes[0]);
    if (sizes.length === 0) continue;
    throw new DataError(
      path,
      `Cannot import ${path}: ${model} has such weights for images of ${
        sizes[0]
      } to ${sizes.at(-1)} pixels; say which with --resize (\`imageSize\`)`,
    );
  }
  throw new DataError(
    path,
    `Cannot import ${path}: it does not have the weights of ${
      models.join(" or ")
    }: ${misfits.join("; ")}`,
  );
}

/** Whether a file has the weights of a network. */
export function fits(found: FoundWeights, config: ModelConfig): boolean {
  return misfitOf(found, config) === undefined;
}

function imageSizes(): number[] {
  return Array.from({ length: MAX_IMAGE_SIZE }, (_, i) => i + 1);
}

/** The first weight that is missing, another one, or too many. */
function misfitOf(
  found: FoundWeights,
  config: ModelConfig,
): string | undefined {
  if (config.classes > MAX_CLASSES) return "its classes are too many";
  const expected = expectedOf(found, config);
  if (expected === undefined) return "its images or classes are too few";
  for (const [name, shape] of expected) {
    const entry = found.entries.get(name);
    if (entry === undefined) return `it has no tensor ${showName(name)}`;
    if (`${entry.shape}` === `${shape}`) continue;
    return `its tensor ${showName(name)} has shape [${
      showName(String(entry.shape))
    }], not [${shape}]`;
  }
  return found.misfit(config);
}

function expectedOf(
  { expected }: FoundWeights,
  config: ModelConfig,
): ReadonlyMap<string, Shape> | undefined {
  try {
    return expected(config);
  } catch (error) {
    if (!(error instanceof AlexNetError)) throw error;
  }
}
