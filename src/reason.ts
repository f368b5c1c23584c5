/** What an error says, for a message that says what it kept from being done. */

/** The message of whatever was thrown, which need not be an error. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
