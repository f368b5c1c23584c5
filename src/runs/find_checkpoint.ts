/**
 * Which file is meant where a run is named.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../errors.ts";
import { BEST, LAST } from "./run_checkpoints.ts";
import { RUN_FILES } from "./run_files.ts";

/** The checkpoints of a run folder, those to prefer first. */
const CHECKPOINTS = [BEST, LAST].map((name) =>
  `${RUN_FILES.checkpoints}/${name}`
);

/**
 * Finds the checkpoint of a run.
 *
 * @param path A run folder, or a file, which is its own answer.
 * @returns The best checkpoint of the folder, else its last one; or the file, whether it exists or not.
 * @throws {DataError} If it is a folder without a checkpoint.
 */
export async function findCheckpoint(path: string): Promise<string> {
  if (!await _isOfKind(path, "isDirectory")) return path;
  for (const name of CHECKPOINTS) {
    const file = join(path, name);
    if (await _isOfKind(file, "isFile")) return file;
  }
  throw new DataError(
    path,
    `Cannot use ${path} as a run: it has neither ${
      CHECKPOINTS.join(" nor ")
    }; name a folder that \`train --out DIR\` wrote, or a checkpoint`,
  );
}

async function _isOfKind(
  path: string,
  kind: "isDirectory" | "isFile",
): Promise<boolean> {
  try {
    return (await Deno.stat(path))[kind];
  } catch {
    // Whoever reads it says why it cannot be read.
    return false;
  }
}
