/**
 * Reads the header of a safetensors file, of which nothing is believed: the rules are those of the format's reference
 * implementation, https://github.com/huggingface/safetensors (safetensors/src/tensor.rs).
 *
 * @module
 */

import { sizeOf } from "../nn/shape.ts";
import { areCounts, isObject, showName } from "./untrusted.ts";

/** Where a tensor is. */
export interface TensorEntry {
  /** Its type, for example "F32". */
  readonly dtype: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** Its first byte, counted from the end of the header. */
  readonly begin: number;
  /** The byte after its last one. */
  readonly end: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  /** Tensors by name, in the order of the header. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Free text by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes per element of the types that fill whole bytes. */
const TYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"].map((t) => [t, 1]),
  ...["U16", "I16", "F16", "BF16"].map((t) => [t, 2]),
  ...["U32", "I32", "F32"].map((t) => [t, 4]),
  ...["U64", "I64", "F64", "C64"].map((t) => [t, 8]),
] as [string, number][]);

/** Most dimensions of a tensor. */
const MAX_RANK = 32;

/** What is wrong with a header: `message` is the place and the reason, for the reader to put the file's name before. */
export class HeaderError extends Error {}

/**
 * Reads a header.
 *
 * @param bytes The header, UTF-8.
 * @param dataBytes Bytes of the file that come after it.
 * @returns What it says, all of it checked.
 * @throws {HeaderError} If the header is not as the format demands, or the tensors do not fill the file exactly.
 */
export function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
): SafetensorsHeader {
  const { __metadata__: metadata = {}, ...tensors } = _parseJson(bytes);
  const entries = new Map(
    Object.entries(tensors).map((
      [name, entry],
    ) => [name, _parseEntry(name, entry)]),
  );
  _checkLayout(entries, dataBytes);
  return { entries, metadata: _parseMetadata(metadata) };
}

function _parseJson(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    json = JSON.parse(text.decode(bytes));
  } catch {
    throw new HeaderError("its header is not JSON");
  }
  if (!isObject(json)) throw new HeaderError("its header is not an object");
  return json;
}

function _parseMetadata(metadata: unknown): Readonly<Record<string, string>> {
  if (
    !isObject(metadata) ||
    !Object.values(metadata).every((value) => typeof value === "string")
  ) throw new HeaderError("its header has metadata that is not text");
  return metadata as Record<string, string>;
}

function _parseEntry(name: string, entry: unknown): TensorEntry {
  const refuse = (reason: string) =>
    new HeaderError(`tensor ${showName(name)} ${reason}`);
  if (!isObject(entry)) throw refuse("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  const typeBytes = typeof dtype === "string"
    ? TYPE_BYTES.get(dtype)
    : undefined;
  if (typeBytes === undefined) {
    throw refuse(`has unknown type ${showName(String(JSON.stringify(dtype)))}`);
  }
  if (!areCounts(shape) || shape.length > MAX_RANK) {
    throw refuse(
      `has a shape that is not a list of at most ${MAX_RANK} sizes`,
    );
  }
  const bytes = typeBytes * sizeOf(shape);
  if (!Number.isSafeInteger(bytes)) {
    throw refuse("has a shape that is too large");
  }
  if (!areCounts(offsets) || offsets.length !== 2) {
    throw refuse("has data_offsets that are not two places in the file");
  }
  const [begin, end] = offsets;
  if (end - begin !== bytes) {
    throw refuse(
      `has bytes ${begin} to ${end}, and its shape [${
        showName(String(shape))
      }] needs ${bytes}`,
    );
  }
  return { dtype: dtype as string, shape, begin, end };
}

/** Tensors follow one another from the first byte to the last, in any order of the header. */
function _checkLayout(
  entries: ReadonlyMap<string, TensorEntry>,
  dataBytes: number,
): void {
  let filled = 0;
  const ordered = [...entries].sort(([, a], [, b]) =>
    a.begin - b.begin || a.end - b.end
  );
  for (const [name, { begin, end }] of ordered) {
    if (end > dataBytes) {
      throw new HeaderError(
        `tensor ${showName(name)} ends at byte ${end} of ${dataBytes}`,
      );
    }
    if (begin !== filled) {
      throw new HeaderError(
        `tensor ${
          showName(name)
        } begins at byte ${begin}, and the one before ends at byte ${filled}`,
      );
    }
    filled = end;
  }
  if (filled !== dataBytes) {
    throw new HeaderError(
      `bytes ${filled} to ${dataBytes} after its header belong to no tensor`,
    );
  }
}
