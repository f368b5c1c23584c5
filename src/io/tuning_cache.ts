/**
 * What the tuner found, in the user's cache folder: a file per adapter, version of the package and version of Deno, whose
 * WebGPU compiles the shaders.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import type { AdapterDescription, TunedOperation } from "../device/device.ts";
import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import { cannotWrite, writeAtomically } from "./atomic_file.ts";

/** Version of the files. It changes when their content, or the meaning of keys and ways, changes. */
const FORMAT = 1;

/** Largest file that is read, in bytes: thousands of operations. */
const MOST_BYTES = 4 * 2 ** 20;

/** Where the cache is, and who is told of a file that cannot be used. */
export interface TuningCacheOptions {
  /** The folder. Default: `tuning` in the user's cache folder of this package. */
  readonly dir?: string;
  /** Receives what the user should know, in one line each. Default `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

/** The path of an adapter's file; undefined where the system has no cache folder. */
export async function tuningFile(
  adapter: AdapterDescription,
  dir?: string,
): Promise<string | undefined> {
  const base = host.cacheDir();
  const folder = dir ?? (base === undefined ? undefined : `${base}/tuning`);
  if (folder === undefined) return;
  const bytes = new TextEncoder().encode(identityOf(adapter));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${folder}/${digest.toHex().slice(0, 16)}.json`;
}

/**
 * Reads what was measured on an adapter, by the keys of the operations. Where there is no file, or none of use, there
 * is nothing.
 */
export async function readTuning(
  adapter: AdapterDescription,
  options: TuningCacheOptions = {},
): Promise<Map<string, TunedOperation>> {
  const { dir, onWarning = console.warn } = options;
  let path: string | undefined;
  try {
    path = await tuningFile(adapter, dir);
    if (path === undefined) return new Map();
    return parse(await read(path), identityOf(adapter));
  } catch (error) {
    onWarning(
      `ignored what was tuned before${
        path === undefined ? "" : `, in ${path}`
      }: ${reasonOf(error)}; delete the file or run \`tune\` to write it anew`,
    );
    return new Map();
  }
}

/**
 * Adds to what was tuned on an adapter. The file is replaced whole, so that neither a crash nor another process can
 * leave half of one.
 */
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
  const text = `${JSON.stringify(content, null, 1)}\n`;
  await writeAtomically(path, [new TextEncoder().encode(text)]);
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

function identityOf(adapter: AdapterDescription): string {
  return JSON.stringify(identify(adapter));
}

/** Reads a file, or nothing where there is none. */
async function read(path: string): Promise<string | undefined> {
  try {
    const { size } = await host.stat(path);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes`);
    return await host.readText(path);
  } catch (error) {
    if (host.isMissing(error)) return;
    throw error;
  }
}

/** Checks a file before any of it is believed. */
function parse(
  text: string | undefined,
  identity: string,
): Map<string, TunedOperation> {
  if (text === undefined) return new Map();
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
  if (typeof content !== "object" || content === null) {
    throw new Error("it is not an object");
  }
  const { operations, ...rest } = content as Record<string, unknown>;
  if (JSON.stringify(rest) !== identity) {
    throw new Error("it is of another adapter or version");
  }
  if (!Array.isArray(operations) || !operations.every(isTuned)) {
    throw new Error("it holds something else than operations");
  }
  return new Map(operations.map((operation) => [operation.key, operation]));
}

function isTuned(value: unknown): value is TunedOperation {
  if (typeof value !== "object" || value === null) return false;
  const { key, way, ms, usual, usualMs } = value as Record<string, unknown>;
  return [key, way, usual].every((text) => typeof text === "string") &&
    [ms, usualMs].every((n) => typeof n === "number" && n >= 0);
}
