/** Runs the program and catches its output: in this process, or as a person does in one of its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { userInfo } from "node:os";
import { fileURLToPath } from "node:url";
import { findAdapter } from "../../src/device/webgpu/run/adapter.ts";
import { findOneDnn } from "../../src/device/onednn/library/library.ts";
import { formatDevice } from "../../src/cli/terminal/console.ts";
import { main } from "../../src/cli/main.ts";
import { NOBODY } from "../data/mirror.ts";
import { setVariables } from "../environment.ts";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The full program in a second or two on any device. Lines of progress are asked for by step, and by more steps than there
 * are: else a slow machine would print some.
 */
export const TINY = [
  ...["--model", "lenet", "--source", "sample", "--epochs", "1"],
  ...["--train-samples", "16", "--test-samples", "8", "--batch-size", "8"],
  ...["--log-every", "100"],
] as const;

/** Less still, for where TensorFlow.js computes in plain JavaScript. */
export const ONE_IMAGE = [
  ...TINY,
  ...["--train-samples", "1", "--test-samples", "1", "--batch-size", "1"],
] as const;

/** The lecture's line of an epoch. */
export const EPOCH_LINE =
  /^epoch 1, loss \d+\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, time \d+\.\d sec$/m;

/**
 * Variables that hide every WebGPU adapter: only Vulkan is tried, and it has no driver. Without the first one, Deno
 * falls back on OpenGL where there is Mesa.
 */
export const NO_ADAPTER = {
  DENO_WEBGPU_BACKEND: "vulkan",
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
};

/** Variables that hide every library for the CPU, and those that hide the adapters as well. */
export const NO_LIBRARY = { ONEDNN_LIBRARY: "/nonexistent" };
export const NO_DEVICE = { ...NO_ADAPTER, ...NO_LIBRARY };

/** Variables that make every download fail at once. */
export const NO_NETWORK = { HTTP_PROXY: NOBODY, HTTPS_PROXY: NOBODY };

/** What the program calls the CPU, with the library that there is. */
export const CPU_DEVICE = describeCpu();

function describeCpu(): string {
  const { library } = findOneDnn();
  return formatDevice({
    device: "cpu",
    library: library && { ...library, name: "oneDNN" },
    maxBindingBytes: Infinity,
    maxLoopIterations: Infinity,
  });
}

/** How the program ended and what it printed. */
export interface Outcome {
  /** Its exit code. */
  code: number;
  /** What it printed on standard output. */
  stdout: string;
  /** What it printed on standard error. */
  stderr: string;
}

let isRunning = false;

/**
 * Runs the program in this process, which takes no time to start: one at a time, as console and variables are those of the
 * process. What is read once per process, such as the device's driver, no variable changes.
 */
export async function runMain(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  assert(!isRunning, "the program runs already");
  isRunning = true;
  const printed = { stdout: "", stderr: "" };
  try {
    using _variables = setVariables({ ...NO_NETWORK, ...env });
    using _console = catchConsole(printed);
    const code = await main(args);
    return { code, ...printed };
  } finally {
    isRunning = false;
  }
}

/** Has the console write to strings. */
function catchConsole(printed: { stdout: string; stderr: string }): Disposable {
  const { log, warn, error } = console;
  const into = (name: keyof typeof printed) => (...values: unknown[]) => {
    const texts = values.map((value) =>
      typeof value === "string" ? value : Deno.inspect(value)
    );
    printed[name] += `${texts.join(" ")}\n`;
  };
  const [stdout, stderr] = [into("stdout"), into("stderr")];
  Object.assign(console, { log: stdout, warn: stderr, error: stderr });
  return {
    [Symbol.dispose]() {
      Object.assign(console, { log, warn, error });
    },
  };
}

/** Runs `mod.ts` in a process of its own: for exit codes, signals, terminals, permissions, and what is read once per process. */
export function runProgram(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  return run(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...args],
    env: { ...NO_NETWORK, ...env },
  });
}

/** Runs any program in the root of the repository, without what this process was told about colours. */
export async function run(
  command: string,
  { args, env = {} }: { args: string[]; env?: Record<string, string> },
): Promise<Outcome> {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...inherited } = Deno.env
    .toObject();
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: { ...inherited, ...env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Looks for a WebGPU adapter. */
export async function hasAdapter(): Promise<boolean> {
  return await findAdapter() !== null;
}

/** Checks that the program ended with an error in one line and nothing else. */
export function assertOneLineError(
  { code, stdout, stderr }: Outcome,
  expected: { code: number; message: RegExp },
): void {
  assertMatch(stderr, /^error: [^\n]+\n$/);
  assertMatch(stderr, expected.message);
  assertEquals([code, stdout], [expected.code, ""]);
}

/**
 * Gives the program a cache folder of its own. Packages and compiled shaders, which are in the user's by default, stay where
 * they are.
 */
export async function cacheIn(folder: string): Promise<Record<string, string>> {
  const { stdout } = await run(Deno.execPath(), { args: ["info", "--json"] });
  // Where Mesa makes its folder: it asks the system, not HOME, for the user's.
  const shaders = Deno.env.get("MESA_SHADER_CACHE_DIR") ??
    Deno.env.get("XDG_CACHE_HOME") ?? `${userInfo().homedir}/.cache`;
  return {
    XDG_CACHE_HOME: folder,
    DENO_DIR: JSON.parse(stdout).denoDir,
    MESA_SHADER_CACHE_DIR: shaders,
  };
}
