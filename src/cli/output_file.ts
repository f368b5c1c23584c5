/**
 * Checks a place to write to before hours of work depend on it.
 *
 * @module
 */

import { dirname } from "node:path";
import { UsageError } from "./option_kinds.ts";

/**
 * Checks that a file can be written.
 *
 * @param flag The option that names the file.
 * @param path The file.
 * @throws {UsageError} If its folder does not exist or must not be written, or it is a folder itself.
 */
export async function checkWritable(flag: string, path: string): Promise<void> {
  const folder = dirname(path);
  const info = await Deno.stat(folder).catch(() => undefined);
  if (!info?.isDirectory) {
    throw new UsageError(
      `Cannot write ${flag} ${path} as there is no folder ${folder}: create it first`,
    );
  }
  const target = await Deno.stat(path).catch(() => undefined);
  if (target?.isDirectory) {
    throw new UsageError(
      `Cannot write ${flag} ${path} as it is a folder: name a file in it`,
    );
  }
  // As writeAtomically() names it, so that it is nobody's file.
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    (await Deno.open(part, { write: true, createNew: true })).close();
    await Deno.remove(part);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new UsageError(`Cannot write ${flag} ${path}: ${reason}`);
  }
}
