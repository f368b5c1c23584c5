/**
 * The files of a run folder: what they are called, whether they are there, which one a run means, and the lock that
 * keeps two processes from training in one folder.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import { BEST, LAST } from "./run_checkpoints.ts";

/** The files of a run folder; TensorBoard's event files and the report lie beside them. */
export const RUN_FILES = {
  config: "config.json",
  metrics: "metrics.jsonl",
  checkpoints: "checkpoints",
} as const;

/** What a process that was killed may have left beside them. */
const PART_NAME = /^(config\.json|metrics\.jsonl|report\.html)\..+\.part$/;

/** Makes a folder, and those that it lies in, if it is not there. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await host.makeFolder(path, { recursive: true });
  } catch (error) {
    throw new DataError(
      path,
      `Cannot make the folder ${path}: ${reasonOf(error)}`,
    );
  }
}

/** Removes what a process that was killed has left half-written. */
export async function removeParts(path: string): Promise<void> {
  for (const { name } of await host.list(path)) {
    if (PART_NAME.test(name)) await host.remove(host.join(path, name));
  }
}

/** Removes what a run has before it begins and other files that were made, and the folder if nothing else is in it. */
export async function takeAway(path: string, others: string[]): Promise<void> {
  const names = [...Object.values(RUN_FILES), LOCK];
  const made = names.map((name) => host.join(path, name));
  for (const own of [...made, ...others, path]) {
    await host.remove(own).catch(() => {});
  }
}

/** Whether there is something of a run in a folder. Empty folders of checkpoints do not count. */
export async function hasRun(path: string): Promise<boolean> {
  const { config, metrics, checkpoints } = RUN_FILES;
  const entries = await host.list(path);
  if (entries.some(({ name }) => name === config || name === metrics)) {
    return true;
  }
  return (await host.list(host.join(path, checkpoints))).length > 0;
}

/** The file that is locked. It is never removed: another process might hold its lock by then. */
const LOCK = ".lock";

/** Locks a run folder until it is disposed or the process ends, however it ends. */
export function lockRun(path: string): Disposable {
  let lock: Disposable | undefined;
  try {
    lock = host.lock(host.join(path, LOCK));
  } catch (error) {
    throw new DataError(path, `Cannot use ${path}: ${reasonOf(error)}`);
  }
  if (lock === undefined) {
    throw new DataError(
      path,
      `Cannot use ${path} as another process is training in it: wait for it, or choose another folder`,
    );
  }
  return lock;
}

/** The checkpoints of a run folder, the preferred one first. */
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
  if (!await isOfKind(path, "isFolder")) return path;
  for (const name of CHECKPOINTS) {
    const file = host.join(path, name);
    if (await isOfKind(file, "isFile")) return file;
  }
  throw new DataError(
    path,
    `Cannot use ${path} as a run: it has neither ${
      CHECKPOINTS.join(" nor ")
    }; name a folder that \`train --out DIR\` wrote, or a checkpoint`,
  );
}

async function isOfKind(
  path: string,
  kind: "isFolder" | "isFile",
): Promise<boolean> {
  try {
    return (await host.stat(path))[kind];
  } catch {
    // The code that reads it says why it cannot be read.
    return false;
  }
}
