/**
 * Writes tensors in the safetensors format: https://github.com/huggingface/safetensors
 *
 * @module
 */

import { sizeOf } from "../nn/shape.ts";

/** A float32 tensor with its shape. */
export interface NamedTensor {
  /** Shape in row-major order. */
  readonly shape: readonly number[];
  /** float32 values. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** Tensors by name, in file order. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** Free text by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes before the header: its length, a 64-bit little-endian integer. */
export const LENGTH_BYTES = 8;

/**
 * Writes tensors in the safetensors format.
 *
 * @param content Tensors and metadata. The values of a tensor are asked for when it is its turn and are not kept, so that
 * a getter can make them.
 * @returns The file, in pieces to be written one after the other.
 */
export function* encodeSafetensors(
  content: Safetensors,
): Generator<Uint8Array<ArrayBuffer>> {
  const json = new TextEncoder().encode(JSON.stringify(_header(content)));
  // Spaces at the end of the header keep the tensors aligned.
  const text = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  text.set(json);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  yield length;
  yield text;
  for (const tensor of content.tensors.values()) {
    const { buffer, byteOffset, byteLength } = tensor.values;
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}

function _header({ tensors, metadata }: Safetensors): object {
  let offset = 0;
  const entries = [...tensors].map(([name, { shape }]) => {
    const begin = offset;
    offset += 4 * sizeOf(shape);
    return [name, { dtype: "F32", shape, data_offsets: [begin, offset] }];
  });
  // Not by assignment, as a tensor may be named __proto__.
  return Object.fromEntries([["__metadata__", metadata], ...entries]);
}
