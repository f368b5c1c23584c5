/** Reads the arguments of a command, checks them, and tells a person what is wrong. */

import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { AlexNetError, OptionError } from "../errors.ts";
import { reasonOf } from "../reason.ts";
import {
  didYouMean,
  flagOf,
  type OptionName,
  type OptionValues,
  specOf,
  UsageError,
} from "./options.ts";

/** A parsed command line. */
export interface CommandLine {
  /** The options that were given. */
  readonly options: OptionValues;
  /** The other arguments. */
  readonly positional: readonly string[];
}

/** Parses the arguments after a command's name; throws a {@linkcode UsageError} for an option that is none of `names` or has a wrong value. */
export function parseOptions(
  args: readonly string[],
  names: readonly OptionName[],
): CommandLine {
  const options: Record<string, unknown> = {};
  const positional: string[] = [];
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [name, {
      type: isSwitch(name) ? "boolean" : "string",
      ...name === "help" && { short: "h" },
    }])),
    // What is wrong is found below, so that the first wrong word is reported, in our words.
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "positional") positional.push(token.value);
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue } = token;
    const isNo = rawName === "--no-progress";
    const name = names.find((n) => n === (isNo ? "progress" : token.name));
    if (name === undefined) {
      const hint = didYouMean(rawName, names.map((n) => `--${n}`));
      throw new UsageError(`Unknown option ${rawName}: ${hint}`);
    } else if (isSwitch(name)) {
      if (value !== undefined) {
        throw new UsageError(
          `${rawName} takes no value: leave out "=${value}"`,
        );
      }
      options[name] = !isNo;
    } else {
      // The next word is no value if it is an option. A single dash may begin a value, such as -0.5.
      if (!value || !inlineValue && value.startsWith("--")) {
        throw new UsageError(`--${name} needs a value: ${flagOf(name)}`);
      }
      options[name] = specOf(name).parse(value, `--${name}`);
    }
  }
  return { options, positional };
}

function isSwitch(name: OptionName): boolean {
  return specOf(name).placeholder === undefined;
}

/** Throws a {@linkcode UsageError} if an option is given without another one that it needs. */
export function requireNeeded(options: OptionValues): void {
  for (const name of Object.keys(options) as OptionName[]) {
    const { needs } = specOf(name);
    if (needs === undefined || needs.some((n) => n in options)) continue;
    throw new UsageError(
      `Cannot use --${name} without ${needs.map(flagOf).join(" or ")}`,
    );
  }
}

/** Checks that a file can be written, before hours of work depend on it; throws a {@linkcode UsageError} if it cannot. */
export async function checkWritable(flag: string, path: string): Promise<void> {
  const cannot = (why: string) =>
    new UsageError(`Cannot write ${flag} ${path}${why}`);
  const folder = dirname(path);
  const isFolder = async (path: string) =>
    (await Deno.stat(path).catch(() => undefined))?.isDirectory;
  if (!await isFolder(folder)) {
    throw cannot(` as there is no folder ${folder}: create it first`);
  }
  if (await isFolder(path)) {
    throw cannot(" as it is a folder: name a file in it");
  }
  // As writeAtomically() names its files, so no other program has one of that name.
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    (await Deno.open(part, { write: true, createNew: true })).close();
    await Deno.remove(part);
  } catch (error) {
    throw cannot(`: ${reasonOf(error)}`);
  }
}

/** Explains in one line whatever was thrown by a command, if there is a command of that name. */
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

/** Says something on standard error while a command goes on. */
export function warn(message: string): void {
  console.error(`warning: ${message}`);
}
