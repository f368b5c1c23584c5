/**
 * Ctrl-C and SIGTERM: the first asks training to end well, one that comes a second or more later ends the process at once.
 */

/** Exit code of a run that was asked to end: what shells say of a program that Ctrl-C has ended. */
export const INTERRUPTED = 130;

/** Listens until it is disposed. The first signal is answered on standard error, even while this thread waits for the device, and aborts `signal`. */
export async function listenForInterrupts(): Promise<
  Disposable & { readonly signal: AbortSignal }
> {
  const controller = new AbortController();
  const worker = new Worker(new URL("./interrupt_worker.ts", import.meta.url), {
    type: "module",
  });
  await new Promise<void>((resolve, reject) => {
    worker.onerror = (event) => {
      worker.terminate();
      reject(new Error(event.message));
    };
    worker.onmessage = ({ data }) => {
      if (data === "interrupted") controller.abort();
      else resolve();
    };
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => worker.terminate(),
  };
}
