/**
 * Reads files that may be damaged, or made to do harm: their size is known before anything is opened or allocated. Writes
 * files whole or not at all: whoever reads one finds the old content or the new, even after a crash.
 */

import { AlexNetError, DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import { reasonOf } from "../reason.ts";

/** Shows text of a file, such as a name, as printable characters on one line. */
export function showName(text: string, most = 80): string {
  const start = text.length > most ? `${text.slice(0, most - 3)}...` : text;
  return start.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** Parses JSON, or bytes of UTF-8 with JSON; `undefined` if there is none. */
export function parseJson(content: string | Uint8Array): unknown {
  try {
    const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const isText = typeof content === "string";
    return JSON.parse(isText ? content : utf8.decode(content));
  } catch {
    return undefined;
  }
}

/** Whether a value of JSON is an object and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of integers from 0 to 2^53 - 1, such as sizes or offsets. */
export function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** The number of bytes of a file. Anything else is refused without opening it, as a pipe would block. */
export async function fileSize(path: string): Promise<number> {
  const { isFile, isFolder, size } = await orCannotRead(
    path,
    () => host.stat(path),
  );
  if (isFile) return size;
  throw cannotRead(path, `it is ${isFolder ? "a folder" : "no file"}`);
}

/** Fills `bytes` with what the file has from an offset on. */
export async function readPart(
  file: OpenFile,
  { path, bytes, at }: { path: string; bytes: Uint8Array; at: number },
): Promise<void> {
  const count = await orCannotRead(path, () => file.readAt(bytes, at));
  if (count < bytes.length) {
    throw cannotRead(path, `it ended at byte ${at + count} while it was read`);
  }
}

/** Does something with a file; if that fails, the error says which file and why. */
export async function orCannotRead<T>(
  path: string,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw cannotRead(path, reasonOf(error));
  }
}

/** Makes the error of a file that cannot be read. */
export function cannotRead(path: string, reason: string): DataError {
  return new DataError(path, `Cannot read ${path}: ${reason}`);
}

/**
 * Writes text, or pieces of bytes that may be made while the file is written. They go to `PATH.UUID.part`, which is then
 * renamed: a process that is killed may leave that file behind, but never half of the real one.
 */
export async function writeAtomically(
  path: string,
  content: string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const part = `${path}.${crypto.randomUUID()}.part`;
  const pieces = typeof content === "string"
    ? [new TextEncoder().encode(content)]
    : content;
  try {
    await writePieces(part, pieces);
    await host.rename(part, path);
  } catch (error) {
    await host.remove(part).catch(() => {});
    // An error of this package comes from what makes the pieces.
    if (error instanceof AlexNetError) throw error;
    throw cannotWrite(path, error);
  }
}

async function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  using file = await host.open(path, "new");
  for await (const piece of pieces) await file.write(piece);
  // Without this, a rename may reach the disk before the content does, and a power cut leaves an empty file.
  await file.sync();
}

/** Makes the error of a file that cannot be written. */
export function cannotWrite(path: string, error: unknown): DataError {
  return new DataError(path, `Cannot write ${path}: ${reasonOf(error)}`);
}
