/**
 * Writes files whole or not at all: whoever reads one finds the old content or the new, even after a crash.
 *
 * @module
 */

import { AlexNetError, DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";

/**
 * Writes a file through a temporary one beside it, `PATH.UUID.part`, which is flushed to the disk and then renamed. A
 * process that is killed may leave the temporary file behind, but never half of the real one. The pieces are not kept,
 * so that they can be made while the file is written. What making them throws is thrown on, if it is an error of this
 * package.
 */
export async function writeAtomically(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    await writePieces(part, pieces);
    await host.rename(part, path);
  } catch (error) {
    await host.remove(part).catch(() => {});
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
  // Without it, a rename may reach the disk before the content does, and a power cut leaves an empty file.
  await file.sync();
}

/** Makes the error of a file that cannot be written. */
export function cannotWrite(path: string, error: unknown): DataError {
  return new DataError(path, `Cannot write ${path}: ${reasonOf(error)}`);
}
