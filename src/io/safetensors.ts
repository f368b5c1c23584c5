/**
 * The safetensors format, https://github.com/huggingface/safetensors: writes tensors, and reads those that are wanted, into
 * memory of their own. Nothing in a file is believed: the rules are those of the format's reference implementation
 * (safetensors/src/tensor.rs).
 *
 * @module
 */

import { sizeOf } from "../nn/shape.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import {
  areCounts,
  cannotRead,
  fileSize,
  isObject,
  orCannotRead,
  readPart,
  showName,
} from "./untrusted.ts";

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
const LENGTH_BYTES = 8;

/**
 * Writes tensors as the pieces of a file. The values of a tensor are asked for when it is its turn and are not kept, so
 * that a getter can make them.
 */
export function* encodeSafetensors(
  content: Safetensors,
): Generator<Uint8Array<ArrayBuffer>> {
  const json = new TextEncoder().encode(JSON.stringify(makeHeader(content)));
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

function makeHeader({ tensors, metadata }: Safetensors): object {
  let offset = 0;
  const entries = [...tensors].map(([name, { shape }]) => {
    const begin = offset;
    offset += 4 * sizeOf(shape);
    return [name, { dtype: "F32", shape, data_offsets: [begin, offset] }];
  });
  // An assignment would fail for a tensor named __proto__.
  return Object.fromEntries([["__metadata__", metadata], ...entries]);
}

/** Where a tensor is. */
interface TensorEntry {
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
interface SafetensorsHeader {
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

/** What is wrong with a header, and where. The caller puts the file's name before the message. */
class HeaderError extends Error {}

/**
 * Reads a header, which `dataBytes` of the file follow. It throws a {@linkcode HeaderError} if the header is not as the
 * format demands, or if the tensors do not fill the file exactly.
 */
function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
): SafetensorsHeader {
  const { __metadata__: metadata = {}, ...tensors } = parseJson(bytes);
  const entries = new Map(
    Object.entries(tensors).map((
      [name, entry],
    ) => [name, parseEntry(name, entry)]),
  );
  checkLayout(entries, dataBytes);
  return { entries, metadata: parseMetadata(metadata) };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
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

function parseMetadata(metadata: unknown): Readonly<Record<string, string>> {
  if (
    !isObject(metadata) ||
    !Object.values(metadata).every((value) => typeof value === "string")
  ) throw new HeaderError("its header has metadata that is not text");
  return metadata as Record<string, string>;
}

function parseEntry(name: string, entry: unknown): TensorEntry {
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
function checkLayout(
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

/** Headers larger than this are refused by the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** An open file: its header has been read and checked, its tensors have not. */
export interface SafetensorsFile extends SafetensorsHeader, Disposable {
  /** Where it is. */
  readonly path: string;
  /** Reads a float32 tensor into memory of its own. */
  read(name: string): Promise<NamedTensor>;
  /** Reads tensors one after the other, by name. */
  readAll(names: Iterable<string>): Promise<Map<string, NamedTensor>>;
}

/**
 * Opens a file and reads its header. No length that the file states is believed before it was compared with the file's
 * size.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const size = await fileSize(path);
  const file = await orCannotRead(path, () => host.open(path, "read"));
  try {
    const { header, begin } = await readHeader(file, { path, size });
    const read = (name: string) =>
      readTensor(file, { path, header, begin, name });
    return {
      ...header,
      path,
      read,
      async readAll(names) {
        const tensors = new Map<string, NamedTensor>();
        for (const name of names) tensors.set(name, await read(name));
        return tensors;
      },
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

async function readHeader(
  file: OpenFile,
  { path, size }: { path: string; size: number },
): Promise<{ header: SafetensorsHeader; begin: number }> {
  const notOne = (reason: string) =>
    cannotRead(path, `${reason}: not a safetensors file, or truncated`);
  if (size < LENGTH_BYTES) throw notOne(`it has ${size} bytes`);
  const start = new Uint8Array(LENGTH_BYTES);
  await readPart(file, { bytes: start, at: 0, path });
  const length = new DataView(start.buffer).getBigUint64(0, true);
  const most = Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES);
  if (length > most) {
    throw notOne(
      `its header would have ${length} bytes, and at most ${most} are possible`,
    );
  }
  const bytes = new Uint8Array(Number(length));
  await readPart(file, { bytes, at: LENGTH_BYTES, path });
  // It must be "{". If it is not, this is another kind of file and not a damaged one.
  if (bytes[0] !== 0x7b) throw notOne("its header does not begin with {");
  const begin = LENGTH_BYTES + bytes.length;
  try {
    return { header: parseHeader(bytes, size - begin), begin };
  } catch (error) {
    if (!(error instanceof HeaderError)) throw error;
    throw cannotRead(path, `${error.message}: damaged, or truncated`);
  }
}

async function readTensor(
  file: OpenFile,
  source: {
    path: string;
    header: SafetensorsHeader;
    begin: number;
    name: string;
  },
): Promise<NamedTensor> {
  const { path, header, begin, name } = source;
  const entry = header.entries.get(name);
  if (entry === undefined) {
    throw cannotRead(path, `it has no tensor ${showName(name)}`);
  }
  const { dtype, shape } = entry;
  if (dtype !== "F32") {
    throw cannotRead(
      path,
      `tensor ${
        showName(name)
      } has type ${dtype}, and only F32 is supported: convert it to float32`,
    );
  }
  const bytes = new Uint8Array(entry.end - entry.begin);
  await readPart(file, { bytes, at: begin + entry.begin, path });
  return { shape, values: new Float32Array(bytes.buffer) };
}
