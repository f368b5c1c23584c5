/**
 * Reads parts of files that nobody vouches for: sizes are known before anything is opened or allocated.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/**
 * Tells the size of a file. What is no file is refused without opening it, as a pipe would block.
 *
 * @param path The file.
 * @returns Its bytes.
 * @throws {DataError} If it is missing or is no file.
 */
export async function fileSize(path: string): Promise<number> {
  const { isFile, isDirectory, size } = await orCannotRead(
    path,
    () => Deno.stat(path),
  );
  if (isFile) return size;
  throw cannotRead(path, `it is ${isDirectory ? "a folder" : "no file"}`);
}

/**
 * Reads a part of a file.
 *
 * @param file The open file.
 * @param part Its path, the memory to fill, and the place in the file of the first byte.
 * @throws {DataError} If the file ends before, or cannot be read.
 */
export async function readPart(
  file: Deno.FsFile,
  part: { path: string; bytes: Uint8Array; at: number },
): Promise<void> {
  const { path, bytes, at } = part;
  await orCannotRead(path, async () => {
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
    throw cannotRead(
      path,
      error instanceof Error ? error.message : String(error),
    );
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
