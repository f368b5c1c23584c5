/**
 * The command-line options: how they are parsed, and described in the help.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { didYouMean, UsageError } from "./option_kinds.ts";
import { OPTIONS } from "./option_table.ts";

/** Name of an option, without dashes. */
export type OptionName = keyof typeof OPTIONS;

/** Parsed options by name; one that was not given is absent. */
export type OptionValues = {
  [Name in OptionName]?: ReturnType<typeof OPTIONS[Name]["parse"]>;
};

/** A parsed command line. */
export interface CommandLine {
  /** The options that were given. */
  readonly options: OptionValues;
  /** The other arguments. */
  readonly positional: readonly string[];
}

/**
 * Parses the arguments of a command.
 *
 * @param args Arguments after the command's name.
 * @param names Options that the command has.
 * @returns Options and other arguments.
 * @throws {UsageError} If an option is unknown or has a value that it must not have.
 */
export function parseOptions(
  args: readonly string[],
  names: readonly OptionName[],
): CommandLine {
  const options: Record<string, unknown> = {};
  const positional: string[] = [];
  const { "--": rest } = parseArgs(_joinValues(args, names), {
    "--": true,
    // No option is declared, so every word comes here in turn, as it was written, and the first wrong one is reported.
    unknown(word, key, value) {
      if (key === undefined) {
        positional.push(word);
        return false;
      }
      const { flag, joined } = _splitWord(word);
      if (flag === "--no-progress" && names.includes("progress")) {
        options.progress = false;
      } else {
        const name = names.find((n) =>
          flag === `--${n}` || (flag === "-h" && n === "help")
        );
        if (name === undefined) throw _unknownOption(flag, names);
        options[name] = _parseValue(name, joined);
      }
      // What `parseArgs` takes from the word after a switch is an argument of its own.
      if (typeof value === "string" && value !== joined) positional.push(value);
      return false;
    },
  });
  return { options, positional: [...positional, ...rest] };
}

/**
 * Describes options for the help.
 *
 * @param names The options, in the order to list them.
 * @returns Pairs of how the option is written and what it means.
 */
export function describeOptions(
  names: readonly OptionName[],
): [flag: string, help: string][] {
  return names.map((name) => {
    const { placeholder, help } = OPTIONS[name];
    return [placeholder ? `--${name} ${placeholder}` : `--${name}`, help];
  });
}

function _isSwitch(name: OptionName): boolean {
  return OPTIONS[name].placeholder === undefined;
}

/**
 * Writes an option and its value as one word, `--name=value`: only we know which options take one, and `parseArgs` takes
 * none that begins with a dash, as -0.5 does.
 */
function _joinValues(
  args: readonly string[],
  names: readonly OptionName[],
): string[] {
  const flags = names.filter((n) => !_isSwitch(n)).map((n) => `--${n}`);
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
function _splitWord(word: string): { flag: string; joined?: string } {
  if (!word.startsWith("--")) {
    return { flag: word.replace(/^-h*(.).*$/s, "-$1") };
  }
  const end = word.indexOf("=", 3);
  if (end < 0) return { flag: word };
  return { flag: word.slice(0, end), joined: word.slice(end + 1) };
}

function _parseValue(name: OptionName, value: string | undefined): unknown {
  const flag = `--${name}`;
  if (_isSwitch(name)) {
    if (value !== undefined) {
      throw new UsageError(`${flag} takes no value: leave out "=${value}"`);
    }
    return true;
  }
  if (!value) {
    throw new UsageError(
      `${flag} needs a value: ${flag} ${OPTIONS[name].placeholder}`,
    );
  }
  return OPTIONS[name].parse(value, flag);
}

function _unknownOption(
  flag: string,
  names: readonly OptionName[],
): UsageError {
  const flags = names.map((name) => `--${name}`);
  return new UsageError(`Unknown option ${flag}: ${didYouMean(flag, flags)}`);
}
