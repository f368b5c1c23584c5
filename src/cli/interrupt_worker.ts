/**
 * Listens for the first Ctrl-C or SIGTERM, in a thread of its own: the main one may be waiting for the device.
 *
 * @module
 */

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Signals that come this soon after the first are the same one: sent to a group, and passed on by a parent. */
const SAME_MS = 200;

/** The part of a worker's global scope that is used; its types are not those of a page. */
const scope = globalThis as unknown as { postMessage(message: string): void };

let isHeard = false;

function _hear(): void {
  if (isHeard) return;
  isHeard = true;
  console.error("ending after this step; once more ends at once");
  scope.postMessage("interrupted");
  setTimeout(() => {
    // Where nobody listens, the next one ends the process at once.
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, _hear);
  }, SAME_MS);
}

for (const signal of SIGNALS) Deno.addSignalListener(signal, _hear);
scope.postMessage("listening");
