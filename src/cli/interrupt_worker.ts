/**
 * Listens for Ctrl-C and SIGTERM, in a thread of its own: the main one may be waiting for the device.
 *
 * @module
 */

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** What listens to each. */
const LISTENERS = SIGNALS.map((name) => [name, () => _hear(name)] as const);

/**
 * Signals that come this soon after the first are the same one: a terminal sends it to all processes of a command, and each of
 * them passes it on, sooner or later where the machine is busy. People take longer to read what the first one does.
 */
const SAME_MS = 1000;

/** The part of a worker's global scope that is used; its types are not those of a page. */
const scope = globalThis as unknown as { postMessage(message: string): void };

/** When the first signal was heard. */
let heardAt: number | undefined;

function _hear(signal: Deno.Signal): void {
  if (heardAt === undefined) {
    heardAt = performance.now();
    console.error(
      "ending after this step; once more, in a second or later, ends at once",
    );
    scope.postMessage("interrupted");
  } else if (performance.now() - heardAt >= SAME_MS) {
    // A worker can only exit from itself; a signal that nobody listens to ends the process.
    for (const [name, listener] of LISTENERS) {
      Deno.removeSignalListener(name, listener);
    }
    Deno.kill(Deno.pid, Deno.build.os === "windows" ? "SIGKILL" : signal);
  }
}

for (const [name, listener] of LISTENERS) {
  Deno.addSignalListener(name, listener);
}
scope.postMessage("listening");
