/**
 * Who is compared, and how a contender is run in a process of its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import peers from "./peers/deno.json" with { type: "json" };

/** Somebody who trains AlexNet. */
export interface Contender {
  /** The word for it in JSON. */
  readonly name: "stock" | "registered" | "ours" | "jax";
  /** What it is, for the table. */
  readonly what: string;
  /** How many steps a process times: where a step can take minutes, few. */
  readonly steps: number;
  /** What `deno run` is given before the batch size and the number of steps. */
  readonly script: readonly string[];
}

/** How a process ended. */
export type Outcome =
  /** Milliseconds that each step took. */
  | { readonly stepMs: readonly number[] }
  /** Why there is none, in one line. */
  | { readonly failure: string };

const STEP_SCRIPT = _path("compare_step.ts");

/** TensorFlow.js without and with this package's kernels, and this package. */
const CONTENDERS: readonly Contender[] = [
  {
    name: "stock",
    what: "LayersModel, TensorFlow.js's own kernels",
    steps: 1,
    script: [STEP_SCRIPT, "stock"],
  },
  {
    name: "registered",
    what: "LayersModel, after registerKernels()",
    steps: 2,
    script: [STEP_SCRIPT, "registered"],
  },
  {
    name: "ours",
    what: "alexnet() and fit()",
    steps: 3,
    script: [STEP_SCRIPT, "ours"],
  },
];

/** Those with dependencies of their own, which the package does without; `--frozen` holds them to their lock file. */
const PEERS: readonly Contender[] = [
  {
    name: "jax",
    what: `jax-js ${_versionOf(peers.imports["@jax-js/jax"])}, without dropout`,
    steps: 1,
    script: [
      "--frozen",
      ...["--config", _path("peers/deno.json")],
      _path("peers/jax_step.ts"),
    ],
  },
];

/**
 * Lists who is compared.
 *
 * @param options Whether other libraries than TensorFlow.js are among them.
 * @returns The contenders, in the order in which they take turns.
 */
export function listContenders(options: { peers: boolean }): Contender[] {
  return options.peers ? [...CONTENDERS, ...PEERS] : [...CONTENDERS];
}

/**
 * Times a contender in a process of its own.
 *
 * @param contender Who trains.
 * @param batchSize Images per step.
 * @returns The time of each step, or why there is none.
 */
export async function runContender(
  { script, steps }: Contender,
  batchSize: number,
): Promise<Outcome> {
  const { success, code, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: ["run", "-A", ...script, `${batchSize}`, `${steps}`],
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

/**
 * Finds what a process of Deno says of its end.
 *
 * @param stderr What it printed.
 * @returns The message of its first error and its cause, without the stack trace; `undefined` where there is none.
 */
export function readFailure(stderr: string): string | undefined {
  const error =
    /^error: (?:Uncaught )?(?:\(in promise\) )?(.+)(?:\n {4}0: (.+))?$/m;
  const [, message, cause] = stripVTControlCharacters(stderr).match(error) ??
    [];
  return cause ? `${message}: ${cause}` : message;
}

function _path(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** The version of a specifier such as "npm:@jax-js/jax@0.1.25". */
function _versionOf(specifier: string): string {
  return specifier.split("@").at(-1)!;
}
