/** Listens for Ctrl-C and SIGTERM, in a thread of its own: the main one may be waiting for the device. */

/**
 * Signals that come this soon after the first are the same one: a terminal sends it to all processes of a command, and each of
 * them passes it on, sooner or later where the machine is busy. People take longer to read what the first one does.
 */
const SAME_MS = 1000;

const isWindows = Deno.build.os === "windows";
const SIGNALS: readonly Deno.Signal[] = isWindows
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** The part of a worker's global scope that is used; its types are not those of a page. */
const scope = globalThis as unknown as { postMessage(message: string): void };

/** When the first signal was heard. */
let heardAt: number | undefined;

const listeners = SIGNALS.map((signal) => {
  const hear = () => {
    if (heardAt === undefined) {
      heardAt = performance.now();
      console.error(
        "ending after this step; press Ctrl-C again, a second or more later, to end at once",
      );
      scope.postMessage("interrupted");
    } else if (performance.now() - heardAt >= SAME_MS) {
      // A worker can only exit from itself; a signal that nobody listens to ends the process.
      for (const [name, listener] of listeners) {
        Deno.removeSignalListener(name, listener);
      }
      Deno.kill(Deno.pid, isWindows ? "SIGKILL" : signal);
    }
  };
  Deno.addSignalListener(signal, hear);
  return [signal, hear] as const;
});
scope.postMessage("listening");
