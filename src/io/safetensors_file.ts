/**
 * Reads tensors from a safetensors file, only those that are wanted, into memory of their own.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import {
  LENGTH_BYTES,
  type NamedTensor,
  type Safetensors,
} from "./safetensors.ts";
import {
  HeaderError,
  parseHeader,
  type SafetensorsHeader,
  showName,
} from "./safetensors_header.ts";

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
  const size = await _sizeOf(path);
  const file = await _try(path, () => Deno.open(path));
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

/**
 * Reads a safetensors file.
 *
 * @param path The file.
 * @returns All of its tensors, and its metadata.
 * @throws {DataError} If it is missing, damaged or something else, or has a tensor that is not float32.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  using file = await openSafetensors(path);
  const tensors = new Map<string, NamedTensor>();
  for (const name of file.entries.keys()) {
    tensors.set(name, await file.read(name));
  }
  return { tensors, metadata: file.metadata };
}

/** Size of a file. What is no file is refused before it is opened, as a pipe would block. */
async function _sizeOf(path: string): Promise<number> {
  const { isFile, isDirectory, size } = await _try(
    path,
    () => Deno.stat(path),
  );
  if (isFile) return size;
  throw _cannotRead(path, `it is ${isDirectory ? "a folder" : "no file"}`);
}

async function _readHeader(
  file: Deno.FsFile,
  { path, size }: { path: string; size: number },
): Promise<{ header: SafetensorsHeader; begin: number }> {
  const notOne = (reason: string) =>
    _cannotRead(path, `${reason}: not a safetensors file, or truncated`);
  if (size < LENGTH_BYTES) throw notOne(`it has ${size} bytes`);
  const start = new Uint8Array(LENGTH_BYTES);
  await _readFully(file, { bytes: start, at: 0, path });
  const length = new DataView(start.buffer).getBigUint64(0, true);
  const most = Math.min(MAX_HEADER_BYTES, size - LENGTH_BYTES);
  if (length > most) {
    throw notOne(
      `its header would have ${length} bytes, and at most ${most} are possible`,
    );
  }
  const bytes = new Uint8Array(Number(length));
  await _readFully(file, { bytes, at: LENGTH_BYTES, path });
  // "{": so that other files of any kind are told from damaged ones.
  if (bytes[0] !== 0x7b) throw notOne("its header does not begin with {");
  const begin = LENGTH_BYTES + bytes.length;
  try {
    return { header: parseHeader(bytes, size - begin), begin };
  } catch (error) {
    if (!(error instanceof HeaderError)) throw error;
    throw _cannotRead(path, `${error.message}: damaged, or truncated`);
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
    throw _cannotRead(path, `it has no tensor ${showName(name)}`);
  }
  const { dtype, shape } = entry;
  if (dtype !== "F32") {
    throw _cannotRead(
      path,
      `tensor ${
        showName(name)
      } has type ${dtype}, and only F32 is supported: convert it to float32`,
    );
  }
  const bytes = new Uint8Array(entry.end - entry.begin);
  await _readFully(file, { bytes, at: begin + entry.begin, path });
  return { shape, values: new Float32Array(bytes.buffer) };
}

async function _readFully(
  file: Deno.FsFile,
  { bytes, at, path }: { bytes: Uint8Array; at: number; path: string },
): Promise<void> {
  await _try(path, async () => {
    await file.seek(at, Deno.SeekMode.Start);
    let done = 0;
    while (done < bytes.length) {
      const count = await file.read(bytes.subarray(done));
      if (count === null) {
        throw new Error(`it ended at byte ${at + done} while it was read`);
      }
      done += count;
    }
  });
}

async function _try<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw _cannotRead(
      path,
      error instanceof Error ? error.message : String(error),
    );
  }
}

function _cannotRead(path: string, reason: string): DataError {
  return new DataError(path, `Cannot read ${path}: ${reason}`);
}
