/** The error that a failed assertion throws. */
export class AssertionError extends Error {
  /**
   * @param message What was expected and what was found.
   * @param options Options of `Error`, such as its cause.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/**
 * Throws an {@linkcode AssertionError} with what was expected and the caller's own message.
 *
 * @param expectation What was expected, without a full stop.
 * @param msg The caller's message.
 */
export function failWith(expectation: string, msg?: string): never {
  throw new AssertionError(`${expectation}${msg ? `: ${msg}` : "."}`);
}
