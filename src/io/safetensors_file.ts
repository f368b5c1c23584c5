/**
 * Reads tensors from a safetensors file, only those that are wanted, into memory of their own.
 *
 * @module
 */

import { cannotRead, fileSize, orCannotRead, readPart } from "./read_file.ts";
import { LENGTH_BYTES, type NamedTensor } from "./safetensors.ts";
import {
  HeaderError,
  parseHeader,
  type SafetensorsHeader,
} from "./safetensors_header.ts";
import { showName } from "./untrusted.ts";

/** Headers larger than this are refused by the format's reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** An open file: its header has been read and checked, its tensors have not. */
export interface SafetensorsFile extends SafetensorsHeader, Disposable {
  /** Where it is. */
  readonly path: string;
  /**
   * Reads a tensor.
   *
   * @param name Its name, one of `entries`.
   * @returns The tensor, in memory of its own.
   * @throws {DataError} If it is not float32, or cannot be read.
   */
  read(name: string): Promise<NamedTensor>;
}

/**
 * Opens a safetensors file and reads its header. No length that the file states is believed before it was compared with
 * the file's size.
 *
 * @param path The file.
 * @returns The open file, to be disposed.
 * @throws {DataError} If it is missing, damaged or something else.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const size = await fileSize(path);
  const file = await orCannotRead(path, () => Deno.open(path));
  try {
    const { header, begin } = await _readHeader(file, { path, size });
    return {
      ...header,
      path,
      read: (name) => _readTensor(file, { path, header, begin, name }),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function _readHeader(
  file: Deno.FsFile,
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
  // "{": so that other files of any kind are told from damaged ones.
  if (bytes[0] !== 0x7b) throw notOne("its header does not begin with {");
  const begin = LENGTH_BYTES + bytes.length;
  try {
    return { header: parseHeader(bytes, size - begin), begin };
  } catch (error) {
    if (!(error instanceof HeaderError)) throw error;
    throw cannotRead(path, `${error.message}: damaged, or truncated`);
  }
}

async function _readTensor(
  file: Deno.FsFile,
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
