/**
 * Reads files that nobody vouches for: sizes are known before anything is opened or allocated, and values are checked.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import type { OpenFile } from "../platform/platform.ts";
import { reasonOf } from "../reason.ts";

/**
 * Shows text from a file that nobody vouches for, such as a name.
 *
 * @param text The text.
 * @param most Most characters to show. Default 80.
 * @returns Printable characters on one line.
 */
export function showName(text: string, most = 80): string {
  const start = text.length > most ? `${text.slice(0, most - 3)}...` : text;
  return start.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/**
 * Tells JSON's objects from its other values.
 *
 * @param value Any value.
 * @returns Whether it is an object, and no list.
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Tells lists of sizes or places from other values.
 *
 * @param value Any value.
 * @returns Whether it is a list of integers from 0 to 2^53 - 1.
 */
export function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/**
 * Tells the size of a file. What is no file is refused without opening it, as a pipe would block.
 *
 * @param path The file.
 * @returns Its bytes.
 * @throws {DataError} If it is missing or is no file.
 */
export async function fileSize(path: string): Promise<number> {
  const { isFile, isFolder, size } = await orCannotRead(
    path,
    () => host.stat(path),
  );
  if (isFile) return size;
  throw cannotRead(path, `it is ${isFolder ? "a folder" : "no file"}`);
}

/**
 * Reads a part of a file.
 *
 * @param file The open file.
 * @param part Its path, the memory to fill, and the place in the file of the first byte.
 * @throws {DataError} If the file ends before, or cannot be read.
 */
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

/**
 * Does something with a file.
 *
 * @param path The file.
 * @param act What to do.
 * @returns What that gives.
 * @throws {DataError} If it fails: in one line, which file and why.
 */
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

/**
 * Makes the error of a file that cannot be read.
 *
 * @param path The file.
 * @param reason Where in it and why.
 * @returns The error.
 */
export function cannotRead(path: string, reason: string): DataError {
  return new DataError(path, `Cannot read ${path}: ${reason}`);
}
