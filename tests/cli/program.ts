/**
 * Runs the program as a person does: in a process of its own, its output caught.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { findOneDnn } from "../../src/device/onednn/library/library.ts";
import { formatDevice } from "../../src/cli/console.ts";
import { NOBODY } from "../data/mirror.ts";

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

/** How a process ended and what it printed. */
export interface Outcome {
  /** Its exit code. */
  code: number;
  /** What it printed on standard output. */
  stdout: string;
  /** What it printed on standard error. */
  stderr: string;
}

/**
 * Runs `mod.ts`.
 *
 * @param args The command and its options.
 * @param env Variables besides those of this process.
 * @returns How it ended.
 */
export function runProgram(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  return run(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", ...args],
    env: { ...NO_NETWORK, ...env },
  });
}

/**
 * Runs any program in the root of the repository, without what this process was told about colours.
 *
 * @param command The program.
 * @param options Its arguments, and variables besides those of this process.
 * @returns How it ended.
 */
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

/**
 * Looks for a WebGPU adapter in a process of its own, so that no driver is loaded in the one that runs the tests.
 *
 * @returns Whether the program finds one.
 */
export async function hasAdapter(): Promise<boolean> {
  const { code } = await run(Deno.execPath(), {
    args: [
      "eval",
      'import { findAdapter } from "./src/backend/adapter.ts"; Deno.exit(await findAdapter() ? 0 : 3)',
    ],
  });
  return code === 0;
}

/**
 * Checks that a process ended with an error in one line and nothing else.
 *
 * @param outcome How it ended.
 * @param expected Exit code, and what the line must match.
 */
export function assertOneLineError(
  { code, stdout, stderr }: Outcome,
  expected: { code: number; message: RegExp },
): void {
  assertMatch(stderr, /^error: [^\n]+\n$/);
  assertMatch(stderr, expected.message);
  assertEquals([code, stdout], [expected.code, ""]);
}

/**
 * Finds where Deno keeps packages: by default in the cache folder, which a test may replace.
 *
 * @returns The folder.
 */
export async function denoDir(): Promise<string> {
  const { stdout } = await run(Deno.execPath(), { args: ["info", "--json"] });
  return JSON.parse(stdout).denoDir;
}
