/**
 * Times the sum of AlexNet's gradients over processes, in turns with a C program's `MPI_Allreduce` of the same size, in one call
 * and in as many as there are here: `deno task bench:allreduce`. Compiling the C program needs
 * `apt-get install libopenmpi-dev libmpich-dev`; a library without its compiler is left out.
 *
 * Options: `--rounds N` (default 5) pairs of runs; `--ranks N,N` (default 2,4); `--count N` (default 46764746, AlexNet's
 * weights) floats.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "@std/cli/parse-args";
import { MAX_LENGTH } from "../src/distributed/mpi_communicator.ts";
import { median } from "./measure.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Sums in each run, of which the first does not count: its memory was never used before. */
const SUMS = 6;

const LIBRARIES = [
  { name: "Open MPI", suffix: "openmpi", options: ["--oversubscribe"] },
  { name: "MPICH", suffix: "mpich", options: [] },
];

/** Open MPI asks whoever is root twice. */
const ENV = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
};

async function main(): Promise<void> {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "ranks", "count"],
    default: { rounds: "5", ranks: "2,4", count: "46764746" },
  });
  const folder = await Deno.makeTempDir();
  try {
    for (const { name, suffix, options } of LIBRARIES) {
      const program = join(folder, suffix);
      const source = join(HERE, "peers", "allreduce.c");
      const isCompiled = await runCommand(`mpicc.${suffix}`, [
        "-O2",
        source,
        "-o",
        program,
      ]).then(() => true, (error) => {
        console.error(`${name}: left out, as ${error.message}`);
        return false;
      });
      if (!isCompiled) continue;
      for (const ranks of args.ranks.split(",")) {
        const launch = async (command: readonly string[], last: string) => {
          const output = await runCommand(`mpirun.${suffix}`, [
            ...options,
            "-n",
            ranks,
            ...command,
            args.count,
            `${SUMS}`,
            last,
          ]);
          return output.trim().split("\n").map(Number).slice(1);
        };
        const deno = [
          Deno.execPath(),
          "run",
          "-A",
          "--no-check",
          join(HERE, "allreduce_rank.ts"),
        ];
        await compare(`${name}, ${ranks} ranks`, Number(args.rounds), {
          "C": () => launch([program], args.count),
          "Deno": () => launch(deno, "float32"),
          "C in pieces": () => launch([program], `${MAX_LENGTH}`),
          "Deno, float16": () => launch(deno, "float16"),
        });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs all in turns, and prints their medians, in ms and as multiples of the first. */
async function compare(
  what: string,
  rounds: number,
  runs: Readonly<Record<string, () => Promise<number[]>>>,
): Promise<void> {
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      (times[name] ??= []).push(...await run());
    }
  }
  const medians = Object.entries(times)
    .map(([name, list]): [string, number] => [name, median(list)]);
  const [[_, first]] = medians;
  const texts = medians.map(([name, ms]) =>
    `${name} ${ms.toFixed(0)} ms (${(ms / first).toFixed(2)})`
  );
  console.log(`${what}: ${texts.join(", ")}; medians of ${times.C.length}`);
}

async function runCommand(command: string, args: string[]): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, env: ENV }).output();
  } catch {
    throw new Error(`there is no ${command}`);
  }
  const decoder = new TextDecoder();
  if (!output.success) {
    throw new Error(`${command} failed: ${decoder.decode(output.stderr)}`);
  }
  return decoder.decode(output.stdout);
}

if (import.meta.main) await main();
