/**
 * Reads files that nobody vouches for: sizes are known before anything is opened or allocated, and values are checked.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import { reasonOf } from "../reason.ts";

/** Shows text from a file that nobody vouches for, such as a name: printable characters on one line. */
export function showName(text: string, most = 80): string {
  const start = text.length > most ? `${text.slice(0, most - 3)}...` : text;
  return start.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/** Whether a value is an object of JSON, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of integers from 0 to 2^53 - 1: sizes or places. */
export function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** The bytes of a file. What is no file is refused without opening it, as a pipe would block. */
export async function fileSize(path: string): Promise<number> {
  const { isFile, isFolder, size } = await orCannotRead(
    path,
    () => host.stat(path),
  );
  if (isFile) return size;
  throw cannotRead(path, `it is ${isFolder ? "a folder" : "no file"}`);
}

/** Fills memory with a part of a file, from a place on. The file must not end before. */
export async function readPart(
  file: OpenFile,
  part: { path: string; bytes: Uint8Array; at: number },
): Promise<void> {
  const { path, bytes, at } = part;
  await orCannotRead(path, async () => {
    const count = await file.readAt(bytes, at);
    if (count < bytes.length) {
      throw new Error(`it ended at byte ${at + count} while it was read`);
    }
  });
}

/** Does something with a file. If it fails, the error says in one line which file and why. */
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
