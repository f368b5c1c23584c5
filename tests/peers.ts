/**
 * Runs programs of others that read what this package writes. They stand in `peers/` with a configuration and a lock file
 * of their own, as Deno downloads all that a lock file lists, whatever is run.
 */

import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("peers", import.meta.url));

/** How long a program may take, in milliseconds, downloads included: many times what it does. */
const LIMIT_MS = 600_000;

/**
 * Runs a program of `peers/`. Deno downloads its packages the first time.
 *
 * @param name Its file, and its arguments.
 * @param input What it reads from standard input. Default: nothing.
 * @returns What it prints, read as JSON.
 * @throws {Error} If it fails, or takes too long; it is killed then.
 */
export async function runPeer(
  [name, ...args]: readonly string[],
  input: Uint8Array<ArrayBuffer> = new Uint8Array(0),
): Promise<unknown> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), LIMIT_MS);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--frozen", "--config", `${FOLDER}/deno.json`],
      ...[`${FOLDER}/${name}`, ...args],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: limit.signal,
  }).spawn();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // A program that failed reads no further: its own words say why.
    new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  clearTimeout(timer);
  const decoder = new TextDecoder();
  const words = decoder.decode(stderr);
  assert(!limit.signal.aborted, `${name} took over ${LIMIT_MS} ms: ${words}`);
  assert(success, words);
  return JSON.parse(decoder.decode(stdout));
}
