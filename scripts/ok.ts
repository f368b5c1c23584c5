/**
 * The gate: every check of this repository, in order, up to the first that
 * fails. `deno task ok`; what follows it is passed on to `deno test`.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** What the tests may do: temporary files, the device, oneDNN, child processes and a server on this machine. */
const TEST_PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-run",
  "--allow-ffi",
  "--allow-net=127.0.0.1,localhost",
];

/** One check: a name and the arguments of `deno`. */
interface _Step {
  readonly name: string;
  readonly args: readonly string[];
}

/** How a child process ended. */
interface _Outcome {
  readonly success: boolean;
  readonly output: string;
}

/**
 * Reads how many tests passed, failed and were skipped from the output of
 * `deno test`.
 *
 * @param output The whole output; its last summary counts.
 * @returns For example "137 passed, 0 failed, 2 skipped" (skipped only where
 * there are any); `undefined` where there is no summary.
 */
export function readTestCounts(output: string): string | undefined {
  const summary =
    /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/gm;
  const last = [...stripVTControlCharacters(output).matchAll(summary)].at(-1);
  if (!last) return undefined;
  const [, passed, failed, skipped] = last;
  return `${passed} passed, ${failed} failed${
    Number(skipped) > 0 ? `, ${skipped} skipped` : ""
  }`;
}

async function _listSteps(testArgs: readonly string[]): Promise<_Step[]> {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json"));
  const entryPoints = Object.values<string>(exports);
  return [
    { name: "fmt", args: ["fmt", "--check"] },
    { name: "lint", args: ["lint"] },
    { name: "check", args: ["check", "."] },
    // Without --no-npm, the lint also asks for documentation of the types of npm packages.
    { name: "doc", args: ["doc", "--lint", "--no-npm", ...entryPoints] },
    {
      name: "layers",
      args: ["run", "--allow-read", "--allow-run", "scripts/check_layers.ts"],
    },
    { name: "test", args: ["test", ...TEST_PERMISSIONS, ...testArgs] },
    {
      name: "publish",
      args: [
        ...["run", "--allow-read", "--allow-write", "--allow-run"],
        ...["scripts/publish.ts", "--dry-run"],
      ],
    },
  ];
}

/** Runs every step and returns the exit code. */
async function _runGate(testArgs: readonly string[]): Promise<number> {
  const start = performance.now();
  const steps = await _listSteps(testArgs);
  let counts: string | undefined;
  for (const step of steps) {
    const isTest = step.name === "test";
    const stepStart = performance.now();
    const { success, output } = await _runDeno(step.args, { stream: isTest });
    if (isTest) counts = readTestCounts(output);
    if (!success && !isTest) console.log(output.trimEnd());
    console.log(
      `${success ? "ok" : "FAILED"} ${step.name} ${_seconds(stepStart)}`,
    );
    if (success) continue;
    console.log(`failed: ${step.name}; repeat with: ${_commandOf(step)}`);
    if (counts) console.log(counts);
    return 1;
  }
  console.log(`ok: all ${steps.length} steps passed in ${_seconds(start)}`);
  if (counts) console.log(counts);
  return 0;
}

async function _runDeno(
  args: readonly string[],
  { stream }: { stream: boolean },
): Promise<_Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: _childEnvironment(),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const pieces: string[] = [];
  const collect = async (
    source: ReadableStream<Uint8Array>,
    target: typeof Deno.stdout,
  ): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of source) {
      pieces.push(decoder.decode(bytes, { stream: true }));
      if (stream) await _writeAll(target, bytes);
    }
  };
  const [{ success }] = await Promise.all([
    child.status,
    collect(child.stdout, Deno.stdout),
    collect(child.stderr, Deno.stderr),
  ]);
  return { success, output: pieces.join("") };
}

async function _writeAll(
  target: typeof Deno.stdout,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await target.write(bytes.subarray(done));
  }
}

/** Colours only on a terminal; a runtime folder, as Vulkan loaders print an error line where there is none. */
function _childEnvironment(): Record<string, string> {
  const runtimeDir = Deno.env.get("XDG_RUNTIME_DIR") ?? tmpdir();
  const colours = Deno.stdout.isTerminal() && !Deno.noColor;
  return {
    XDG_RUNTIME_DIR: runtimeDir,
    ...(colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
  };
}

function _seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** The command of a step, as one types it in a shell. */
function _commandOf(step: _Step): string {
  const words = ["deno", ...step.args].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  );
  return words.join(" ");
}

if (import.meta.main) {
  Deno.chdir(fileURLToPath(new URL("..", import.meta.url)));
  Deno.exit(await _runGate(Deno.args));
}
