/**
 * What a person is told whose command cannot be understood or has failed.
 *
 * @module
 */

import { closest } from "fastest-levenshtein";
import { dirname } from "node:path";
import { AlexNetError, OptionError } from "../errors.ts";

/** The command line cannot be understood; the program ends with exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override readonly name = "UsageError";
}

/** Asks whether the nearest of `candidates` was meant. */
export function didYouMean(
  word: string,
  candidates: readonly string[],
): string {
  return `did you mean ${closest(word, candidates)}?`;
}

/** Explains whatever was thrown in one line; `command` is the command that it was thrown in, if there is such a command. */
export function explain(error: unknown, command: string | undefined): string {
  if (error instanceof UsageError) {
    return `${error.message}; see ${command ? `${command} ` : ""}--help`;
  }
  if (error instanceof OptionError) {
    const flag = error.option.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    return error.message.replace(error.option, `--${flag}`);
  }
  if (error instanceof AlexNetError) return error.message;
  const [firstLine] = String(error).split("\n");
  return `${firstLine}; --verbose shows where`;
}

/** What is said on standard error while a command goes on. */
export function warn(message: string): void {
  console.error(`warning: ${message}`);
}

/** Returns the only argument of a command; throws a {@linkcode UsageError} that says `need` if there are none or more. */
export function requireOne(
  positional: readonly string[],
  need: string,
): string {
  if (positional.length !== 1) throw new UsageError(need);
  return positional[0];
}

/**
 * Checks that a file can be written before hours of work depend on it; throws a {@linkcode UsageError} if its folder does not
 * exist or cannot be written to, or if `path` is a folder itself.
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
  // As writeAtomically() names its files, so no other program has one of that name.
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    (await Deno.open(part, { write: true, createNew: true })).close();
    await Deno.remove(part);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new UsageError(`Cannot write ${flag} ${path}: ${reason}`);
  }
}
