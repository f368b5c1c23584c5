/**
 * Weights in the safetensors format: https://github.com/huggingface/safetensors
 *
 * @module
 */

import { DataError } from "../errors.ts";

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

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [begin: number, end: number];
}

const LENGTH_BYTES = 8;
/** Headers larger than this are refused by the format's reference reader. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Writes tensors in the safetensors format.
 *
 * @param content Tensors and metadata.
 * @returns The file, in pieces to be written one after the other.
 */
export function encodeSafetensors(
  content: Safetensors,
): Uint8Array<ArrayBuffer>[] {
  let offset = 0;
  const header: Record<string, HeaderEntry | Record<string, string>> = {
    __metadata__: { ...content.metadata },
  };
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const [name, { shape, values }] of content.tensors) {
    const end = offset + values.byteLength;
    header[name] = {
      dtype: "F32",
      shape: [...shape],
      data_offsets: [offset, end],
    };
    pieces.push(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces at the end of the header keep the tensors aligned.
  const text = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  text.set(json);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return [length, text, ...pieces];
}

/**
 * Reads float32 tensors in the safetensors format.
 *
 * @param bytes The whole file.
 * @param path Where it came from, for errors.
 * @returns Tensors (copies, so that they are aligned) and metadata.
 * @throws {DataError} If it is not such a file, is damaged, or has tensors of another type.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  path: string,
): Safetensors {
  const header = _parseHeader(bytes, path);
  const { __metadata__: metadata = {}, ...entries } = header.json;
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    tensors.set(
      name,
      _readTensor(bytes.subarray(header.end), { name, entry, path }),
    );
  }
  return { tensors, metadata: metadata as unknown as Record<string, string> };
}

function _parseHeader(
  bytes: Uint8Array,
  path: string,
): { json: Record<string, HeaderEntry>; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < LENGTH_BYTES
    ? NaN
    : Number(view.getBigUint64(0, true));
  const end = LENGTH_BYTES + length;
  if (!(length <= MAX_HEADER_BYTES && end <= bytes.length)) {
    throw _notSafetensors(path);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      bytes.subarray(LENGTH_BYTES, end),
    );
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null) throw _notSafetensors(path);
    return { json: json as Record<string, HeaderEntry>, end };
  } catch {
    throw _notSafetensors(path);
  }
}

function _readTensor(
  data: Uint8Array,
  source: { name: string; entry: HeaderEntry; path: string },
): NamedTensor {
  const { name, entry: { dtype, shape, data_offsets }, path } = source;
  if (dtype !== "F32") {
    throw new DataError(
      path,
      `Cannot read ${path}: tensor ${name} has type ${dtype}, and only F32 is supported`,
    );
  }
  const [begin, end] = data_offsets ?? [];
  const numBytes = 4 * (shape ?? []).reduce((product, n) => product * n, 1);
  if (end - begin !== numBytes || begin < 0 || end > data.length) {
    throw new DataError(
      path,
      `Cannot read ${path}: tensor ${name} is truncated or damaged (expected ${numBytes} bytes); save it again`,
    );
  }
  return { shape, values: new Float32Array(data.slice(begin, end).buffer) };
}

function _notSafetensors(path: string): DataError {
  return new DataError(
    path,
    `Cannot read ${path}: not a safetensors file, or truncated; \`train --save FILE\` writes one`,
  );
}
