/**
 * What the tuner found, in the user's cache folder: a file per adapter, version of the package and version of Deno, whose
 * WebGPU compiles the shaders.
 */

import config from "../../deno.json" with { type: "json" };
import type { AdapterDescription, TunedOperation } from "../device/device.ts";
import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import { cannotWrite, isObject, parseJson, writeAtomically } from "./files.ts";

/** Version of the files. It changes when their content, or the meaning of keys and ways, changes. */
const FORMAT = 1;

/** Largest file that is read, in bytes: thousands of operations. */
const MOST_BYTES = 4 * 2 ** 20;

/** Where the cache is, and who is told of a file that cannot be used. */
interface TuningCacheOptions {
  /** Default: `tuning` in the user's cache folder of this package. */
  readonly dir?: string;
  /** Receives what the user should know, in one line each. Default `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

/** The path of an adapter's file; `undefined` where the system has no cache folder. */
export async function tuningFile(
  adapter: AdapterDescription,
  dir?: string,
): Promise<string | undefined> {
  const base = host.cacheDir();
  const folder = dir ?? (base === undefined ? undefined : `${base}/tuning`);
  if (folder === undefined) return;
  const bytes = new TextEncoder().encode(JSON.stringify(identify(adapter)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${folder}/${digest.toHex().slice(0, 16)}.json`;
}

/** Reads what was measured on an adapter, by the keys of the operations; nothing where there is no file that can be used. */
export async function readTuning(
  adapter: AdapterDescription,
  { dir, onWarning = console.warn }: TuningCacheOptions = {},
): Promise<Map<string, TunedOperation>> {
  let path: string | undefined;
  try {
    path = await tuningFile(adapter, dir);
    if (path === undefined) return new Map();
    const { size } = await host.stat(path);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes`);
    return parse(await host.readText(path), adapter);
  } catch (error) {
    if (host.isMissing(error)) return new Map();
    const where = path === undefined ? "" : `, in ${path}`;
    onWarning(
      `ignored what was tuned before${where}: ${
        reasonOf(error)
      }; delete the file or run \`tune\` to write it anew`,
    );
    return new Map();
  }
}

/** Checks a file before any of it is believed. */
function parse(
  text: string,
  adapter: AdapterDescription,
): Map<string, TunedOperation> {
  const content = parseJson(text);
  if (content === undefined) throw new Error("it is not JSON");
  if (!isObject(content)) throw new Error("it is not an object");
  const { operations, ...rest } = content;
  if (JSON.stringify(rest) !== JSON.stringify(identify(adapter))) {
    throw new Error("it is of another adapter or version");
  }
  if (!Array.isArray(operations) || !operations.every(isTuned)) {
    throw new Error("it holds something else than operations");
  }
  return new Map(operations.map((operation) => [operation.key, operation]));
}

function isTuned(value: unknown): value is TunedOperation {
  if (!isObject(value)) return false;
  const { key, way, ms, usual, usualMs } = value;
  return [key, way, usual].every((text) => typeof text === "string") &&
    [ms, usualMs].every((n) => typeof n === "number" && n >= 0);
}

/** Adds to what was tuned on an adapter, and replaces its file whole; returns the file. */
export async function writeTuning(
  adapter: AdapterDescription,
  tuned: Iterable<TunedOperation>,
  options: TuningCacheOptions = {},
): Promise<string> {
  const path = await tuningFile(adapter, options.dir);
  if (path === undefined) {
    throw new DataError(
      "",
      "Cannot find the cache folder as HOME (on Windows: LOCALAPPDATA) is not set: set it to keep what was tuned",
    );
  }
  // What another process wrote before is kept. If two write at the same time, what one of them adds may be lost.
  const all = await readTuning(adapter, options);
  for (const operation of tuned) all.set(operation.key, operation);
  const content = { ...identify(adapter), operations: [...all.values()] };
  try {
    await host.makeFolder(host.folderOf(path), { recursive: true });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  await writeAtomically(path, `${JSON.stringify(content, null, 1)}\n`);
  return path;
}

/** What the measurements depend on. */
function identify({ name, vendor, features, limits }: AdapterDescription) {
  return {
    format: FORMAT,
    package: `${config.name} ${config.version}`,
    deno: host.version,
    cores: navigator.hardwareConcurrency,
    adapter: { name, vendor, features, limits },
  };
}
