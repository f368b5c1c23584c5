/**
 * Keeps two processes from training in one run folder.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../errors.ts";

/** The file that is locked; it stays, as whoever removes a lock file may remove that of another. */
export const LOCK = ".lock";

/**
 * Locks a run folder until it is disposed or the process ends, however it ends.
 *
 * @param path The run folder.
 * @returns The lock.
 * @throws {DataError} If another process has it, or the folder must not be written.
 */
export function lockRun(path: string): Disposable {
  let file: Deno.FsFile | undefined;
  let isFree = false;
  try {
    file = Deno.openSync(join(path, LOCK), { write: true, create: true });
    isFree = file.tryLockSync(true);
  } catch (error) {
    file?.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(path, `Cannot use ${path}: ${reason}`);
  }
  if (!isFree) {
    file.close();
    throw new DataError(
      path,
      `Cannot use ${path} as another process is training in it: wait for it, or choose another folder`,
    );
  }
  return { [Symbol.dispose]: () => file.close() };
}
