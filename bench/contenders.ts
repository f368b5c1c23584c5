/** Who is compared, and how a contender is run in a process of its own. */

import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { openCpu } from "./measure.ts";
import peers from "./peers/deno.json" with { type: "json" };

/** The words for the contenders, in the order in which they take turns. */
export const NAMES = [
  "stock",
  "registered",
  "ours",
  "jax",
  "ours-cpu",
  "torch",
  "torch-kept",
] as const;

export type Name = typeof NAMES[number];

/** How to start a process. */
export interface Command {
  readonly program: string;
  /** Batch size and number of steps follow them. */
  readonly args: readonly string[];
  /** Environment variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that trains AlexNet. */
export interface Contender {
  /** The word for it in JSON. */
  readonly name: Name;
  /** What it is, for the table. */
  readonly what: string;
  /** How many steps a process times: few where a step can take minutes. */
  readonly steps: number;
  readonly device: "webgpu" | "cpu";
  readonly command: Command;
}

/** Who takes part. */
interface Field {
  readonly contenders: readonly Contender[];
  /** A line for each that needs something which is not installed: why it is left out, and how to get that. */
  readonly absent: readonly string[];
}

/** How a process ended. */
export type Outcome =
  /** Milliseconds that each step took. */
  | { readonly stepMs: readonly number[] }
  /** Why there is none, in one line. */
  | { readonly failure: string };

/** The line that ends a traceback, such as "RuntimeError: ..." or "torch.cuda.OutOfMemoryError: ...". */
const PYTHON_ERROR = /^([\w.]*(?:Error|Exception): .+)$/m;

const STEP_SCRIPT = path("compare_step.ts");

/** TensorFlow.js without and with this package's kernels, and this package. */
const CONTENDERS: readonly Contender[] = [
  {
    name: "stock",
    what: "LayersModel, TensorFlow.js's own kernels",
    steps: 1,
    device: "webgpu",
    command: denoCommand(STEP_SCRIPT, "stock"),
  },
  {
    name: "registered",
    what: "LayersModel, after registerKernels()",
    steps: 2,
    device: "webgpu",
    command: denoCommand(STEP_SCRIPT, "registered"),
  },
  {
    name: "ours",
    what: "alexnet() and fit()",
    steps: 3,
    device: "webgpu",
    command: denoCommand(STEP_SCRIPT, "ours"),
  },
];

/** `--frozen`, as its dependencies, which the package does without, have a lock file of their own. */
const JAX: Contender = {
  name: "jax",
  what: `jax-js ${versionOf(peers.imports["@jax-js/jax"])}, without dropout`,
  steps: 1,
  device: "webgpu",
  command: denoCommand(
    "--frozen",
    "--config",
    path("peers/deno.json"),
    path("peers/jax_step.ts"),
  ),
};

/**
 * Lists the contenders in the order in which they take turns: TensorFlow.js and this package on WebGPU; with `peers`, the others
 * too; with `only`, those that it names.
 */
export async function listContenders(
  options: { peers: boolean; only?: readonly Name[] },
): Promise<Field> {
  const { peers, only = peers ? NAMES : CONTENDERS.map(({ name }) => name) } =
    options;
  const asksTorch = only.some((name) => name.startsWith("torch"));
  const found = [
    only.includes("ours-cpu") ? await findOursOnCpu() : [],
    asksTorch ? await findTorch() : [],
  ];
  const installed = found.filter((entry) => typeof entry !== "string").flat();
  return {
    contenders: [...CONTENDERS, JAX, ...installed]
      .filter(({ name }) => only.includes(name)),
    absent: found.filter((entry) => typeof entry === "string"),
  };
}

async function findOursOnCpu(): Promise<Contender[] | string> {
  const device = await openCpu();
  if (typeof device === "string") return `ours-cpu: left out: ${device}`;
  return [{
    name: "ours-cpu",
    what: `alexnet() and fit(), --device cpu, ${device.name}`,
    steps: 3,
    device: "cpu",
    command: denoCommand(STEP_SCRIPT, "--device", "cpu", "ours"),
  }];
}

const TORCH_SCRIPT = path("peers/torch_step.py");

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
 * Looks for PyTorch: gives it as it comes and with its memory kept, each timing `steps` steps; or says why it is left out.
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
      command: { program: python, args: [TORCH_SCRIPT, "--model", model] },
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

/** Times the steps of a contender in a process of its own. */
export async function runContender(
  { command, steps }: Contender,
  batchSize: number,
): Promise<Outcome> {
  const { success, code, stdout, stderr } = await new Deno.Command(
    command.program,
    {
      args: [...command.args, `${batchSize}`, `${steps}`],
      env: command.env,
      stdout: "piped",
      stderr: "piped",
    },
  ).output();
  const decoder = new TextDecoder();
  if (!success) {
    const reason = readFailure(decoder.decode(stderr));
    return { failure: reason ?? `its process ended with code ${code}` };
  }
  return JSON.parse(decoder.decode(stdout).trim().split("\n").at(-1)!);
}

/** Finds the first error that a process of Deno or Python printed: its message and its cause, without the stack trace. */
export function readFailure(stderr: string): string | undefined {
  const text = stripVTControlCharacters(stderr);
  const error =
    /^error: (?:Uncaught )?(?:\(in promise\) )?(.+)(?:\n {4}0: (.+))?$/m;
  const [, message, cause] = text.match(error) ?? text.match(PYTHON_ERROR) ??
    [];
  return cause ? `${message}: ${cause}` : message;
}

function denoCommand(...args: string[]): Command {
  return { program: Deno.execPath(), args: ["run", "-A", ...args] };
}

function path(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** The version of a specifier such as "npm:@jax-js/jax@0.1.25". */
function versionOf(specifier: string): string {
  return specifier.split("@").at(-1)!;
}
