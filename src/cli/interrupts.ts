/**
 * Ctrl-C and SIGTERM: the first asks training to end well, the second ends the process at once.
 *
 * @module
 */

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Exit code of a run that was asked to end: what shells say of a program that Ctrl-C has ended. */
export const INTERRUPTED = 130;

/** Listens for signals until it is disposed. */
export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener: () => void;

  /** @param onInterrupt Called at the first signal. */
  constructor(onInterrupt: () => void) {
    this.#listener = () => {
      // Without a listener the next one ends the process, even one that waits for the device and cannot listen.
      this[Symbol.dispose]();
      onInterrupt();
      this.#controller.abort();
    };
    for (const s of SIGNALS) Deno.addSignalListener(s, this.#listener);
  }

  /** Is aborted at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    for (const s of SIGNALS) Deno.removeSignalListener(s, this.#listener);
  }
}
