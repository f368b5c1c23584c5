/**
 * The command-line options: how they are parsed, and described in the help.
 *
 * @module
 */

import { parseArgs } from "node:util";
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
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(
        names.map((
          name,
        ) => [name, { type: _isSwitch(name) ? "boolean" : "string" }]),
      ),
      "help": { type: "boolean", short: "h" },
    },
    // Not strict, as unknown options and wrong values are to be reported in our own words.
    strict: false,
    tokens: true,
  });
  const options: Record<string, unknown> = {};
  const positional: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positional.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "no-progress" && names.includes("progress")) {
      options.progress = false;
      continue;
    }
    const name = names.find((n) => n === token.name);
    if (name === undefined) throw _unknownOption(token.rawName, names);
    options[name] = _parseValue(name, token);
  }
  return { options, positional };
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

function _parseValue(
  name: OptionName,
  { value, inlineValue }: { value?: string; inlineValue?: boolean },
): unknown {
  const flag = `--${name}`;
  if (_isSwitch(name)) {
    if (value !== undefined) {
      throw new UsageError(`${flag} takes no value: leave out "=${value}"`);
    }
    return true;
  }
  if (!value || (value.startsWith("--") && !inlineValue)) {
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
