/**
 * The command line: finds the command, runs it, and turns whatever goes wrong into one line and an exit code.
 *
 * @module
 */

import { findLauncher } from "../distributed/processes.ts";
import { OptionError } from "../errors.ts";
import { COMMANDS } from "./commands.ts";
import { explain } from "./explain.ts";
import { commandHelp, programHelp } from "./help.ts";
import { didYouMean, UsageError } from "./option_kinds.ts";
import { parseOptions } from "./options.ts";

/**
 * Runs the program.
 *
 * @param args The command and its arguments.
 * @returns The exit code: 0 on success, 1 on failure, 2 if the command line cannot be understood.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await _run(args);
  } catch (error) {
    // What all processes that train together were told wrongly, the first one says.
    const isSaid = error instanceof UsageError && _isOneOfOthers(args);
    const [name] = args;
    const command = Object.hasOwn(COMMANDS, name) ? name : undefined;
    if (!isSaid) console.error(`error: ${explain(error, command)}`);
    if (args.includes("--verbose")) console.error(error);
    return error instanceof UsageError || error instanceof OptionError ? 2 : 1;
  }
}

async function _run([name, ...args]: readonly string[]): Promise<number> {
  if (
    name === undefined || name === "--help" || name === "-h" || name === "help"
  ) {
    console.log(programHelp());
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(
      `Unknown command ${name}: ${didYouMean(name, Object.keys(COMMANDS))}`,
    );
  }
  const command = COMMANDS[name];
  const line = parseOptions(args, command.options);
  if (line.options.help) {
    console.log(commandHelp(name, command));
    return 0;
  }
  if (command.positional === "" && line.positional.length > 0) {
    throw new UsageError(
      `Unexpected argument "${line.positional[0]}" after ${name}`,
    );
  }
  return await command.run(line);
}

function _isOneOfOthers(args: readonly string[]): boolean {
  if (!args.includes("--distributed")) return false;
  const launcher = findLauncher((name) => Deno.env.get(name));
  return (launcher?.rank ?? 0) > 0;
}
