/**
 * Writes a network in TensorFlow.js's layers format: a folder with `model.json` and the weights, which
 * `tf.loadLayersModel` reads.
 *
 * @module
 */

import packageConfig from "../../../deno.json" with { type: "json" };
import { sizeOf } from "../../nn/shape.ts";
import { writeAtomically } from "../atomic_file.ts";
import { DataError } from "../../errors.ts";
import type { NamedTensor } from "../safetensors.ts";
import type { DescribedNetwork } from "./described.ts";
import { toKeras } from "./keras_write.ts";

/** Bytes of a file of weights, as TensorFlow's converter has it: browsers load several at once, and cache them. */
const SHARD_BYTES = 4 * 2 ** 20;

/**
 * Writes the folder, whole or not at all.
 *
 * @param path The folder; there must be none, or an empty one.
 * @param network The network.
 * @param tensors Its weights by name.
 * @throws {DataError} If the folder cannot be written, or has something in it.
 */
export async function exportTfjs(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const part = `${path.replace(/\/+$/, "")}.${crypto.randomUUID()}.part`;
  try {
    await Deno.mkdir(part);
    await _writeFiles(part, network, tensors);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part, { recursive: true }).catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      path,
      `Cannot write folder ${path}: ${reason}; name one that does not exist yet, or is empty`,
    );
  }
}

async function _writeFiles(
  folder: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const weights = network.layers.flatMap((layer) => layer.weights);
  const numBytes = weights.reduce((sum, w) => sum + 4 * sizeOf(w.shape), 0);
  const numShards = Math.ceil(numBytes / SHARD_BYTES);
  const paths: string[] = [];
  for (const pieces of _shards(weights.map(({ name }) => tensors.get(name)!))) {
    paths.push(`group1-shard${paths.length + 1}of${numShards}.bin`);
    await writeAtomically(`${folder}/${paths.at(-1)}`, pieces);
  }
  const model = {
    format: "layers-model",
    generatedBy: `${packageConfig.name} ${packageConfig.version}`,
    convertedBy: null,
    modelTopology: {
      ...toKeras(network),
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
    weightsManifest: [{
      paths,
      weights: weights.map(({ name, shape }) => ({
        name: name.replace(".", "/"),
        shape,
        dtype: "float32",
      })),
    }],
  };
  const text = new TextEncoder().encode(`${JSON.stringify(model, null, 1)}\n`);
  await writeAtomically(`${folder}/model.json`, [text]);
}

/** Cuts tensors that follow one another into shards: pieces of each, which are not copied. */
function* _shards(
  tensors: readonly NamedTensor[],
): Generator<Uint8Array<ArrayBuffer>[]> {
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let room = SHARD_BYTES;
  for (const { values: { buffer, byteOffset, byteLength } } of tensors) {
    for (let done = 0; done < byteLength;) {
      const length = Math.min(room, byteLength - done);
      pieces.push(new Uint8Array(buffer, byteOffset + done, length));
      done += length;
      room -= length;
      if (room > 0) continue;
      yield pieces;
      [pieces, room] = [[], SHARD_BYTES];
    }
  }
  if (pieces.length > 0) yield pieces;
}
