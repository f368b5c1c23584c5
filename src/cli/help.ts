/**
 * The help, of the program and of its commands.
 *
 * @module
 */

import { type Command, COMMANDS } from "./commands.ts";
import { describeOptions } from "./options.ts";

/**
 * Writes the help of the program.
 *
 * @returns Several lines.
 */
export function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, { positional, summary }]) =>
    [`${name} ${positional}`, summary] as const
  );
  return [
    "AlexNet on Fashion-MNIST, on WebGPU",
    "",
    "Usage: deno run -A jsr:@x/alexnet <command> [options]",
    "",
    ..._columns(rows),
    "",
    "<command> --help lists the options of a command.",
  ].join("\n");
}

/**
 * Writes the help of a command.
 *
 * @param name Name of the command.
 * @param command The command.
 * @returns Several lines.
 */
export function commandHelp(name: string, command: Command): string {
  const { positional, summary, options } = command;
  return [
    summary,
    "",
    `Usage: deno run -A jsr:@x/alexnet ${name} ${
      positional ? `${positional} ` : ""
    }[options]`,
    "",
    ..._columns(describeOptions(options)),
  ].join("\n");
}

function _columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
