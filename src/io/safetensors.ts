/**
 * The safetensors format, https://github.com/huggingface/safetensors. What a file says is checked by the rules of the format's
 * reference implementation (safetensors/src/tensor.rs) before any tensor is read.
 */

import type { DataError } from "../errors.ts";
import { sizeOf } from "../nn/shape.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import {
  areCounts,
  cannotRead,
  fileSize,
  isObject,
  orCannotRead,
  parseJson,
  readPart,
  showName,
} from "./files.ts";

/** A float32 tensor with its shape. */
export interface NamedTensor {
  /** Shape in row-major order. */
  readonly shape: readonly number[];
  /** float32 values. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes before the header: its length, a 64-bit little-endian integer. */
const LENGTH_BYTES = 8;

/**
 * Writes tensors as the pieces of a file. It asks for the values of a tensor when they are next and does not keep them, so that a
 * getter can make them.
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
  /** For example "F32". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Offset of its first byte after the header. */
  readonly begin: number;
  /** Offset after its last byte. */
  readonly end: number;
}

/** A header that was checked. */
interface Header {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An open file whose header was checked. */
export interface SafetensorsFile extends Header, Disposable {
  readonly path: string;
  /** Reads a float32 tensor into memory of its own. */
  read(name: string): Promise<NamedTensor>;
}

/** Opens a file and checks its header. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const size = await fileSize(path);
  const file = await orCannotRead(path, () => host.open(path, "read"));
  try {
    const bytes = await readHeader(file, { path, size });
    const begin = LENGTH_BYTES + bytes.length;
    const header = parseHeader(bytes, {
      dataBytes: size - begin,
      damaged: (reason) => cannotRead(path, `${reason}: damaged, or truncated`),
    });
    return {
      ...header,
      path,
      async read(name) {
        const { shape, ...entry } = floatEntry(path, header, name);
        const bytes = new Uint8Array(entry.end - entry.begin);
        await readPart(file, { path, bytes, at: begin + entry.begin });
        return { shape, values: new Float32Array(bytes.buffer) };
      },
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** Headers larger than this are refused by the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

async function readHeader(
  file: OpenFile,
  { path, size }: { path: string; size: number },
): Promise<Uint8Array> {
  const notOne = (reason: string) =>
    cannotRead(path, `${reason}: not a safetensors file, or truncated`);
  if (size < LENGTH_BYTES) throw notOne(`it has ${size} bytes`);
  const start = new Uint8Array(LENGTH_BYTES);
  await readPart(file, { path, bytes: start, at: 0 });
  const length = new DataView(start.buffer).getBigUint64(0, true);
  const most = Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES);
  if (length > most) {
    throw notOne(
      `its header would have ${length} bytes, and at most ${most} are possible`,
    );
  }
  const bytes = new Uint8Array(Number(length));
  await readPart(file, { path, bytes, at: LENGTH_BYTES });
  // It must be "{". If it is not, this is another kind of file and not a damaged one.
  if (bytes[0] !== 0x7b) throw notOne("its header does not begin with {");
  return bytes;
}

/** What a header is checked with. */
interface Check {
  /** Bytes of the file after the header. */
  readonly dataBytes: number;
  /** Makes the error. */
  readonly damaged: (reason: string) => DataError;
}

function parseHeader(bytes: Uint8Array, check: Check): Header {
  const { damaged } = check;
  const json = parseJson(bytes);
  if (json === undefined) throw damaged("its header is not JSON");
  if (!isObject(json)) throw damaged("its header is not an object");
  const { __metadata__: metadata = {}, ...tensors } = json;
  const entries = new Map(
    Object.entries(tensors).map(([name, entry]) => {
      const refuse = (reason: string) =>
        damaged(`tensor ${showName(name)} ${reason}`);
      return [name, parseEntry(entry, refuse)];
    }),
  );
  checkLayout(entries, check);
  if (!isTexts(metadata)) {
    throw damaged("its header has metadata that is not text");
  }
  return { entries, metadata };
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) &&
    Object.values(value).every((text) => typeof text === "string");
}

/** Bytes per element of the types that fill whole bytes. */
const TYPE_BYTES: ReadonlyMap<unknown, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"].map((t) => [t, 1]),
  ...["U16", "I16", "F16", "BF16"].map((t) => [t, 2]),
  ...["U32", "I32", "F32"].map((t) => [t, 4]),
  ...["U64", "I64", "F64", "C64"].map((t) => [t, 8]),
] as [string, number][]);

/** Most dimensions of a tensor. */
const MAX_RANK = 32;

function parseEntry(
  entry: unknown,
  refuse: (reason: string) => DataError,
): TensorEntry {
  if (!isObject(entry)) throw refuse("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  const typeBytes = TYPE_BYTES.get(dtype);
  if (typeBytes === undefined) {
    throw refuse(`has unknown type ${showName(String(JSON.stringify(dtype)))}`);
  }
  if (!areCounts(shape) || shape.length > MAX_RANK) {
    throw refuse(`has a shape that is not a list of at most ${MAX_RANK} sizes`);
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
    const shown = showName(String(shape));
    throw refuse(
      `has bytes ${begin} to ${end}, and its shape [${shown}] needs ${bytes}`,
    );
  }
  return { dtype: dtype as string, shape, begin, end };
}

/** Checks that tensors, whatever their order in the header, follow one another from the first byte to the last. */
function checkLayout(
  entries: ReadonlyMap<string, TensorEntry>,
  { dataBytes, damaged }: Check,
): void {
  let filled = 0;
  const ordered = [...entries].sort(([, a], [, b]) =>
    a.begin - b.begin || a.end - b.end
  );
  for (const [name, { begin, end }] of ordered) {
    const tensor = `tensor ${showName(name)}`;
    if (end > dataBytes) {
      throw damaged(`${tensor} ends at byte ${end} of ${dataBytes}`);
    }
    if (begin !== filled) {
      throw damaged(
        `${tensor} begins at byte ${begin}, and the one before ends at byte ${filled}`,
      );
    }
    filled = end;
  }
  if (filled !== dataBytes) {
    throw damaged(
      `bytes ${filled} to ${dataBytes} after its header belong to no tensor`,
    );
  }
}

function floatEntry(
  path: string,
  { entries }: Header,
  name: string,
): TensorEntry {
  const entry = entries.get(name);
  const shown = showName(name);
  if (entry === undefined) throw cannotRead(path, `it has no tensor ${shown}`);
  const { dtype } = entry;
  if (dtype === "F32") return entry;
  throw cannotRead(
    path,
    `tensor ${shown} has type ${dtype}, and only F32 is supported: convert it to float32`,
  );
}
