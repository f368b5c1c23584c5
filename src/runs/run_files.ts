/**
 * The files of a run folder: what they are called, and whether they are there.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../errors.ts";
import { LOCK } from "./lock.ts";

/** The files of a run folder; TensorBoard's event files and the report lie beside them. */
export const RUN_FILES = {
  config: "config.json",
  metrics: "metrics.jsonl",
  checkpoints: "checkpoints",
} as const;

/** What a process that was killed may have left beside them. */
const PART_NAME = /^(config\.json|metrics\.jsonl|report\.html)\..+\.part$/;

/**
 * Makes a folder, and those that it lies in, if it is not there.
 *
 * @param path The folder.
 * @throws {DataError} If it cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(path, `Cannot make the folder ${path}: ${reason}`);
  }
}

/**
 * Takes away what a process that was killed has left half-written.
 *
 * @param path The run folder.
 */
export async function removeParts(path: string): Promise<void> {
  for await (const { name } of Deno.readDir(path)) {
    if (PART_NAME.test(name)) await Deno.remove(join(path, name));
  }
}

/**
 * Takes away what a run has before it begins, and its folder if nothing else is in it.
 *
 * @param path The run folder.
 * @param others Paths of other files that were made.
 */
export async function takeAway(path: string, others: string[]): Promise<void> {
  const names = [...Object.values(RUN_FILES), LOCK];
  const made = names.map((name) => join(path, name));
  for (const own of [...made, ...others, path]) {
    await Deno.remove(own).catch(() => {});
  }
}

/**
 * Looks for something of a run in a folder; folders of checkpoints that are empty are nothing.
 *
 * @param path The run folder.
 * @returns Whether there is something.
 */
export async function hasRun(path: string): Promise<boolean> {
  const { config, metrics, checkpoints } = RUN_FILES;
  for await (const { name } of Deno.readDir(path)) {
    if (name === config || name === metrics) return true;
  }
  for await (const _ of Deno.readDir(join(path, checkpoints))) return true;
  return false;
}
