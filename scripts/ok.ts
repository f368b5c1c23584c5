/**
 * The gate: runs every check of this repository, in order, up to the first that fails. `deno task ok`; what follows it is
 * passed on to `deno test`.
 *
 * Two folders of tests run at a time, as a software adapter compiles and tests compute mostly on one core. Each folder is a
 * process, as tests change their process's environment.
 */

import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** A check: a command of `deno` that fails where something is wrong. */
interface Check {
  /** What it checks. */
  readonly name: string;
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** Variables that it is given. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What is checked after the tests. */
const PUBLISH: Check = {
  name: "publish",
  args: [
    "run",
    "--allow-read",
    "--allow-write",
    "--allow-run",
    "scripts/publish.ts",
    "--dry-run",
  ],
};

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

/** Folders that are tested at once. */
const LANES = 2;

/**
 * What tests are run with. The optimizer of llvmpipe's compiler is off, as it takes longer than what tests compute. oneDNN has
 * one thread, as two that find the cores busy wait for each other and take twenty times as long.
 */
const TEST_ENVIRONMENT = { GALLIVM_PERF: "nopt", OMP_NUM_THREADS: "1" };

/** Tests of oneDNN's kernels, which compute with as many threads as people's do. */
const THREADED = "tests/device/onednn";
const THREADED_ENVIRONMENT = { OMP_WAIT_POLICY: "passive" };

/** How many tests passed, failed and were skipped. */
interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a child process ended. */
interface Outcome {
  readonly success: boolean;
  readonly output: string;
}

/** Reads the last summary in the output of `deno test`; `undefined` where there is none. */
export function readTestCounts(output: string): TestCounts | undefined {
  const summary =
    /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/gm;
  const last = [...stripVTControlCharacters(output).matchAll(summary)].at(-1);
  if (!last) return undefined;
  const [passed, failed, skipped] = last.slice(1).map((n) => Number(n ?? 0));
  return { passed, failed, skipped };
}

/** Adds up how the tests of several runs ended, for example "137 passed, 0 failed, 2 skipped". */
export function formatTestCounts(all: readonly TestCounts[]): string {
  const sum = (name: keyof TestCounts) =>
    all.reduce((total, counts) => total + counts[name], 0);
  const skipped = sum("skipped");
  return `${sum("passed")} passed, ${sum("failed")} failed${
    skipped > 0 ? `, ${skipped} skipped` : ""
  }`;
}

/** Runs every step and returns the exit code. The last line says how the tests ended. */
async function runGate(testArgs: readonly string[]): Promise<number> {
  const start = performance.now();
  const checks = await listChecks();
  for (const step of checks) {
    if (!await runCheck(step)) return 1;
  }
  const { success, counts } = await runTests(testArgs);
  const isOk = success && await runCheck(PUBLISH);
  if (isOk) {
    const numSteps = checks.length + 2;
    console.log(`ok: all ${numSteps} steps passed in ${seconds(start)}`);
  }
  if (counts.length > 0) console.log(formatTestCounts(counts));
  return isOk ? 0 : 1;
}

/** Lists what is checked before the tests. */
async function listChecks(): Promise<Check[]> {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json"));
  const entryPoints = Object.values<string>(exports);
  return [
    { name: "fmt", args: ["fmt", "--check"] },
    { name: "lint", args: ["lint"] },
    { name: "check", args: ["check", "."] },
    ...listPeerChecks(),
    // Without --no-npm, the lint also asks for documentation of the types of npm packages.
    { name: "doc", args: ["doc", "--lint", "--no-npm", ...entryPoints] },
    {
      name: "layers",
      args: ["run", "--allow-read", "--allow-run", "scripts/check_layers.ts"],
    },
  ];
}

/** The same for folders that deno.json excludes, as each has one of its own; types only where tests download the packages. */
function listPeerChecks(): Check[] {
  const check = (folder: string, ...command: string[]): Check => ({
    name: `${command[0]} ${folder}`,
    args: [...command, "--config", `${folder}/deno.json`, folder],
  });
  return [
    ...["tests/peers", "bench/peers"].flatMap((folder) => [
      check(folder, "fmt", "--check"),
      check(folder, "lint"),
    ]),
    check("tests/peers", "check", "--frozen"),
  ];
}

/** Runs a step that prints nothing unless it fails. */
async function runCheck(step: Check): Promise<boolean> {
  const start = performance.now();
  const { success, output } = await runDeno(step);
  if (!success) console.log(output.trimEnd());
  console.log(`${success ? "ok" : "FAILED"} ${step.name} ${seconds(start)}`);
  if (!success) reportFailure(step);
  return success;
}

function reportFailure(step: Check): void {
  console.log(`failed: ${step.name}; repeat with: ${commandOf(step)}`);
}

/** Runs the tests, and prints the output of each folder once it is done; with arguments of `deno test`, all are one run. */
async function runTests(
  testArgs: readonly string[],
): Promise<{ success: boolean; counts: TestCounts[] }> {
  const start = performance.now();
  const args = ["test", "--no-check", ...TEST_PERMISSIONS, ...testArgs];
  const waiting: Check[] = testArgs.length > 0
    ? [{ name: "tests", args, env: TEST_ENVIRONMENT }]
    : (await testFolders()).map(({ folder, files }) => ({
      name: folder,
      args: [...args, ...files],
      env: folder === THREADED ? THREADED_ENVIRONMENT : TEST_ENVIRONMENT,
    }));
  const counts: TestCounts[] = [];
  const failed: Check[] = [];
  const runLane = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      console.log(`running ${step.name} ...`);
      const { success, output } = await runDeno(step);
      console.log(output.trimEnd());
      const found = readTestCounts(output);
      // One that was killed prints no summary, and may not even say that it failed.
      counts.push(found ?? { passed: 0, failed: 1, skipped: 0 });
      if (!success || found === undefined) failed.push(step);
    }
  };
  await Promise.all(Array.from({ length: LANES }, runLane));
  const success = failed.length === 0;
  console.log(`${success ? "ok" : "FAILED"} test ${seconds(start)}`);
  for (const step of failed) reportFailure(step);
  return { success, counts };
}

/**
 * Folders with test files, the one with most to test first. One process tests the subfolders of `tests/device/webgpu/`, and
 * whatever lies as deep, so that modules are loaded and shaders are compiled once.
 */
async function testFolders(): Promise<{ folder: string; files: string[] }[]> {
  const folders = new Map<string, { files: string[]; numBytes: number }>();
  const visit = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await visit(path);
      if (!name.endsWith("_test.ts")) continue;
      const group = folder.split(sep).slice(0, 3).join("/");
      const known = folders.get(group) ?? { files: [], numBytes: 0 };
      known.files.push(path);
      known.numBytes += (await Deno.stat(path)).size;
      folders.set(group, known);
    }
  };
  await visit("tests");
  return [...folders]
    .sort(([, a], [, b]) => b.numBytes - a.numBytes)
    .map(([folder, { files }]) => ({ folder, files: files.toSorted() }));
}

/** What the running steps have printed, by name: it is shown when they end, or when the gate is told to end. */
const held = new Map<string, string[]>();

async function runDeno({ name, args, env }: Check): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...childEnvironment(), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const pieces: string[] = [];
  held.set(name, pieces);
  const collect = async (source: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of source) {
      pieces.push(decoder.decode(bytes, { stream: true }));
    }
  };
  const [{ success }] = await Promise.all([
    child.status,
    collect(child.stdout),
    collect(child.stderr),
  ]);
  held.delete(name);
  return { success, output: pieces.join("") };
}

/** Shows what is held, and ends. */
function endEarly(): void {
  for (const [name, pieces] of held) {
    console.log(`${name}, as far as it came:\n${pieces.join("").trimEnd()}`);
  }
  console.log("failed: the gate was told to end");
  Deno.exit(130);
}

/** Colours only on a terminal; a runtime folder, as Vulkan loaders print an error line where there is none. */
function childEnvironment(): Record<string, string> {
  const runtimeDir = Deno.env.get("XDG_RUNTIME_DIR") ?? tmpdir();
  const colours = Deno.stdout.isTerminal() && !Deno.noColor;
  return {
    XDG_RUNTIME_DIR: runtimeDir,
    ...(colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
  };
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** The command of a step, as one types it in a shell. */
function commandOf(step: Check): string {
  const words = ["deno", ...step.args].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  );
  const variables = Object.entries(step.env ?? {}).map((pair) =>
    pair.join("=")
  );
  return [...variables, ...words].join(" ");
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, endEarly);
  }
  Deno.chdir(fileURLToPath(new URL("..", import.meta.url)));
  Deno.exit(await runGate(Deno.args));
}
