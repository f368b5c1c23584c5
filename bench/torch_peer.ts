/**
 * PyTorch on the CPU as a contender: finds a Python that has it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Contender } from "./contenders.ts";

const SCRIPT = fileURLToPath(new URL("peers/torch_step.py", import.meta.url));

/** Prints the version of PyTorch, or fails. */
const PRINT_VERSION = "import torch; print(torch.__version__)";

/** Pythons to ask; the last is where Debian's packages are, whatever the PATH says. */
const PYTHONS = [Deno.env.get("PYTHON"), "python3", "/usr/bin/python3"];

/** How to get PyTorch; without OpenBLAS, Debian's computes dense layers with the reference BLAS. */
const REMEDY =
  "on Debian or Ubuntu `apt-get install python3-torch libopenblas0-pthread`, or name a Python that has it in PYTHON";

/**
 * By these glibc keeps the memory that a step frees for the next one. By default it gives large blocks back to the system,
 * and every step then waits for their pages to be zeroed.
 */
const MEMORY_KEPT = {
  MALLOC_TOP_PAD_: `${10 ** 9}`,
  MALLOC_TRIM_THRESHOLD_: `${10 ** 11}`,
  MALLOC_MMAP_THRESHOLD_: `${10 ** 11}`,
};

/**
 * Looks for PyTorch.
 *
 * @param options Which network it trains, default AlexNet, and how many steps a process times, default 3.
 * @returns PyTorch as it comes and with its memory kept; or why it is left out, in one line.
 */
export async function findTorch(
  { model = "alexnet", steps = 3 }: {
    model?: "alexnet" | "lenet";
    steps?: number;
  } = {},
): Promise<Contender[] | string> {
  for (const python of PYTHONS) {
    const version = python && await torchVersion(python);
    if (!version) continue;
    const torch: Contender = {
      name: "torch",
      what: `PyTorch ${version}, CPU`,
      steps,
      device: "cpu",
      command: { program: python, args: [SCRIPT, "--model", model] },
    };
    return [torch, {
      ...torch,
      name: "torch-kept",
      what: `${torch.what}, memory kept`,
      command: { ...torch.command, env: MEMORY_KEPT },
    }];
  }
  return `PyTorch: left out: no Python here has torch: ${REMEDY}`;
}

async function torchVersion(python: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(python, {
      args: ["-c", PRINT_VERSION],
      stdout: "piped",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
