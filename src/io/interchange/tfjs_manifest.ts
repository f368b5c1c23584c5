/**
 * Finds the weights of a model in TensorFlow.js's format, in files that are named by one that nobody vouches for.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import { cannotRead, fileSize, orCannotRead, readPart } from "../read_file.ts";
import type { NamedTensor } from "../safetensors.ts";
import { areCounts, isObject, showName } from "../untrusted.ts";

/** A weight: where it is in the files of its group, which follow one another. */
export interface ManifestEntry {
  /** Its shape. */
  readonly shape: Shape;
  /** Its first byte. */
  readonly begin: number;
  /** The files. */
  readonly shards: readonly Shard[];
}

interface Shard {
  readonly path: string;
  /** Its first byte in the group. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads the list of weights and checks that its files have as many bytes as it says, before any is read.
 *
 * @param path The file that the list is in.
 * @param manifest The list: `weightsManifest`.
 * @returns Weights by "LAYER/KIND", for example "conv2d_1/kernel".
 * @throws {DataError} If the list is damaged, names files elsewhere, or does not fit them.
 */
export async function parseManifest(
  path: string,
  manifest: unknown,
): Promise<Map<string, ManifestEntry>> {
  if (!Array.isArray(manifest)) {
    throw cannotRead(path, "its weightsManifest is no list");
  }
  const entries = new Map<string, ManifestEntry>();
  const known = new Set<string>();
  for (const group of manifest) {
    if (
      !isObject(group) || !Array.isArray(group.paths) ||
      !Array.isArray(group.weights)
    ) throw cannotRead(path, "its weightsManifest has no paths or weights");
    const shards = await _findShards(path, group.paths, { known });
    let begin = 0;
    for (const weight of group.weights) {
      const { name, shape } = _parseWeight(path, weight);
      if (entries.has(name)) {
        throw cannotRead(path, `it has weight ${showName(name)} twice`);
      }
      entries.set(name, { shape, begin, shards });
      begin += 4 * sizeOf(shape);
    }
    const size = shards.at(-1)?.end ?? 0;
    if (begin !== size) {
      throw cannotRead(
        path,
        `its weights have ${begin} bytes, and their files ${size}: damaged, or truncated`,
      );
    }
  }
  return entries;
}

/**
 * Reads a weight.
 *
 * @param entry Where it is.
 * @returns The weight, in memory of its own.
 * @throws {DataError} If a file cannot be read.
 */
export async function readWeight(entry: ManifestEntry): Promise<NamedTensor> {
  const { shape, shards } = entry;
  const bytes = new Uint8Array(4 * sizeOf(shape));
  const end = entry.begin + bytes.length;
  for (const shard of shards) {
    const from = Math.max(entry.begin, shard.begin);
    const to = Math.min(end, shard.end);
    if (from >= to) continue;
    using file = await orCannotRead(shard.path, () => Deno.open(shard.path));
    await readPart(file, {
      path: shard.path,
      bytes: bytes.subarray(from - entry.begin, to - entry.begin),
      at: from - shard.begin,
    });
  }
  return { shape, values: new Float32Array(bytes.buffer) };
}

/** Finds the files of a group, which are none of those `known` from the groups before: bytes count once. */
async function _findShards(
  path: string,
  names: readonly unknown[],
  { known }: { known: Set<string> },
): Promise<Shard[]> {
  const folder = await orCannotRead(path, () => Deno.realPath(dirname(path)));
  const shards: Shard[] = [];
  for (const name of names) {
    // As the format's writers name them: other files of the reader are none of the model's business.
    if (typeof name !== "string" || !/^[\w-][\w.-]*$/.test(name)) {
      throw cannotRead(
        path,
        `its weights are in ${
          showName(JSON.stringify(name))
        }, which is no plain name of a file beside it`,
      );
    }
    const shard = join(folder, name);
    const size = await fileSize(shard);
    const real = await orCannotRead(shard, () => Deno.realPath(shard));
    if (dirname(real) !== folder) {
      throw cannotRead(path, `its weights in ${name} lead out of its folder`);
    }
    if (known.has(real)) {
      throw cannotRead(
        path,
        `it lists file ${showName(name)} of weights twice`,
      );
    }
    known.add(real);
    const begin = shards.at(-1)?.end ?? 0;
    shards.push({ path: shard, begin, end: begin + size });
  }
  return shards;
}

function _parseWeight(
  path: string,
  weight: unknown,
): { name: string; shape: Shape } {
  if (!isObject(weight) || typeof weight.name !== "string") {
    throw cannotRead(path, "its weightsManifest has a weight without a name");
  }
  const { name, shape, dtype, quantization } = weight;
  const refuse = (reason: string) =>
    cannotRead(path, `its weight ${showName(name as string)} ${reason}`);
  if (dtype !== "float32" || quantization !== undefined) {
    throw refuse("is not stored as float32: convert it without quantization");
  }
  if (
    !areCounts(shape) || shape.length > 4 ||
    !Number.isSafeInteger(4 * sizeOf(shape))
  ) throw refuse("has a shape that is not a list of at most 4 sizes");
  // Some writers put the name of the model before.
  return { name: (name as string).split("/").slice(-2).join("/"), shape };
}
