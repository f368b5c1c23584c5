/**
 * Tells people what went wrong.
 *
 * @module
 */

import { AlexNetError, OptionError } from "../errors.ts";
import { UsageError } from "./option_kinds.ts";

/**
 * Explains an error.
 *
 * @param error Whatever was thrown.
 * @param command The command that it was thrown in, if there is such a command.
 * @returns One line.
 */
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
