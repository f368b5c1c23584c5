/**
 * Parses the arguments of a command.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  flagOf,
  type OptionName,
  type OptionValues,
  specOf,
} from "./options.ts";
import { didYouMean, UsageError } from "./usage.ts";

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
  const { "--": rest } = parseArgs(joinValues(args, names), {
    "--": true,
    // No option is declared, so every word comes here in turn, as it was written, and the first wrong one is reported.
    unknown(word, key, value) {
      if (key === undefined) {
        positional.push(word);
        return false;
      }
      const { flag, joined } = splitWord(word);
      if (flag === "--no-progress" && names.includes("progress")) {
        options.progress = false;
      } else {
        const name = names.find((n) =>
          flag === `--${n}` || (flag === "-h" && n === "help")
        );
        if (name === undefined) throw unknownOption(flag, names);
        options[name] = parseValue(name, joined);
      }
      // What `parseArgs` takes from the word after a switch is an argument of its own.
      if (typeof value === "string" && value !== joined) positional.push(value);
      return false;
    },
  });
  return { options, positional: [...positional, ...rest] };
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

function isSwitch(name: OptionName): boolean {
  return specOf(name).placeholder === undefined;
}

/**
 * Writes an option and its value as one word, `--name=value`: `parseArgs` does not know which options take a value, and takes
 * no value that begins with a dash, as -0.5 does.
 */
function joinValues(
  args: readonly string[],
  names: readonly OptionName[],
): string[] {
  const flags = names.filter((n) => !isSwitch(n)).map((n) => `--${n}`);
  const words: string[] = [];
  for (const arg of args) {
    const last = words.at(-1) ?? "";
    const isValue = flags.includes(last) && !arg.startsWith("--") &&
      !words.includes("--");
    if (isValue) words[words.length - 1] = `${last}=${arg}`;
    else words.push(arg);
  }
  return words;
}

/** The option that a word names (of letters such as `-hx`, the first but `h`) and the value in the same word, if any. */
function splitWord(word: string): { flag: string; joined?: string } {
  if (!word.startsWith("--")) {
    return { flag: word.replace(/^-h*(.).*$/s, "-$1") };
  }
  const end = word.indexOf("=", 3);
  if (end < 0) return { flag: word };
  return { flag: word.slice(0, end), joined: word.slice(end + 1) };
}

function parseValue(name: OptionName, value: string | undefined): unknown {
  const flag = `--${name}`;
  if (isSwitch(name)) {
    if (value !== undefined) {
      throw new UsageError(`${flag} takes no value: leave out "=${value}"`);
    }
    return true;
  }
  if (!value) {
    throw new UsageError(`${flag} needs a value: ${flagOf(name)}`);
  }
  return specOf(name).parse(value, flag);
}

function unknownOption(
  flag: string,
  names: readonly OptionName[],
): UsageError {
  const flags = names.map((name) => `--${name}`);
  return new UsageError(`Unknown option ${flag}: ${didYouMean(flag, flags)}`);
}
