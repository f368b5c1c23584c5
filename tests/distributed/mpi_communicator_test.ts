/**
 * Tests of processes connected by MPI, as processes that `mpirun` starts: that they exchange what they should, and what happens when
 * a call, or one of them, fails.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "../cli/program.ts";
import { makeFolder } from "../data/folder.ts";
import { LAUNCHERS, type MpiLauncher, mpiTest, runRanks } from "./mpi.ts";

/** What `collectives.ts` prints of a process. */
interface Told {
  readonly rank: number;
  readonly size: number;
  readonly pid: number;
  readonly library: string;
  readonly localRank: number;
  readonly localSize: number;
  readonly processes: readonly { rank: number; host: string; pid: number }[];
  /** Of sums that depend on the order of addition. */
  readonly hash: string;
}

/** The arguments of `failures.ts` that only connect. */
const CONNECT = ["run", "-A", "tests/distributed/failures.ts", "connect"];

for (const numRanks of [1, 3, 4]) {
  mpiTest(
    `connectMpi() connects ${numRanks} processes, and what they exchange is right`,
    async (launcher) => {
      await using folder = await makeFolder();
      const { code, stdout, stderr, numLeft } = await runRanks(launcher, {
        numRanks,
        args: ["run", "-A", "tests/distributed/collectives.ts", folder.path],
      });
      assertEquals([code, stderr, numLeft], [0, "", 0]);
      const told: Told[] = stdout.trim().split("\n").map((line) =>
        JSON.parse(line)
      );
      told.sort((a, b) => a.rank - b.rank);
      const ranks = Array.from({ length: numRanks }, (_, rank) => rank);
      assertEquals(told.map(({ rank }) => rank), ranks);
      assertEquals(new Set(told.map(({ pid }) => pid)).size, numRanks);
      const [{ hash, processes: [{ host }] }] = told;
      const processes = told.map(({ rank, pid }) => ({ rank, host, pid }));
      for (const one of told) {
        assertMatch(one.library, new RegExp(`^${launcher.name} v?\\d+\\.\\d`));
        assertEquals([one.size, one.hash], [numRanks, hash]);
        assertEquals([one.localRank, one.localSize], [one.rank, numRanks]);
        assertEquals(one.processes, processes);
      }
    },
  );
}

const hasBoth = LAUNCHERS.every(({ isInstalled }) => isInstalled);

Deno.test({
  name: `connectMpi() says that the library is not that of the launcher${
    hasBoth ? "" : " (ignored, Open MPI and MPICH are not both installed)"
  }`,
  ignore: !hasBoth,
  async fn() {
    const [openMpi, mpich] = LAUNCHERS;
    await Promise.all([mistake(openMpi, mpich), mistake(mpich, openMpi)]);
  },
});

/** Starts processes by one launcher that use the library of the other. */
async function mistake(launcher: MpiLauncher, other: MpiLauncher) {
  const { stdout } = await runRanks(launcher, {
    numRanks: 2,
    args: CONNECT,
    env: { ...other.env, MPI_LIBRARY: other.library },
  });
  const lines = stdout.trim().split("\n");
  assertEquals(lines.length, 2, stdout);
  for (const line of lines) {
    assertMatch(
      line,
      /^because: Cannot train together as 2 processes were started, and .* finds 1: name the library that belongs to the mpirun in use in MPI_LIBRARY$/,
    );
    assert(line.includes(`${other.name} `) && line.includes(other.library));
  }
}

Deno.test("connectMpi() says that nobody started this process together with others", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), {
    args: CONNECT,
    // Nor does the process that runs the tests say so.
    env: { OMPI_COMM_WORLD_RANK: "", PMIX_RANK: "", PMI_RANK: "", PMI_ID: "" },
  });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^because: Cannot train together with other processes as nobody started them: use `mpirun -n 4 deno run -A ...`, or `srun` in a Slurm job\n$/,
  );
});

const NUM_RANKS = 3;

/** Processes one of which goes wrong in this way. */
function fail(
  launcher: MpiLauncher,
  args: readonly string[],
  onOutput?: (stdout: string) => void,
) {
  return runRanks(launcher, {
    numRanks: NUM_RANKS,
    args: ["run", "-A", "tests/distributed/failures.ts", ...args],
    onOutput,
  });
}

mpiTest(
  "broadcast() from a rank that there is not fails with MPI's own text, and so does what follows",
  async (launcher) => {
    await using folder = await makeFolder();
    const arrived = `${folder.path}/arrived`;
    // Two lines of each process.
    const numLines = 2 * NUM_RANKS;
    const { stdout } = await fail(launcher, ["root", arrived], (stdout) => {
      const { length } = stdout.matchAll(/\n/g).toArray();
      if (length >= numLines) Deno.writeTextFileSync(arrived, "");
    });
    const lines = stdout.trim().split("\n");
    assertEquals(lines.length, numLines, stdout);
    for (const line of lines) {
      assertMatch(
        line,
        launcher.name === "MPICH"
          ? /^because: MPICH \S+ failed in MPI_Ibcast: Invalid root, .*value given was 99/
          : /^because: Open MPI \S+ failed in MPI_Ibcast: MPI_ERR_ROOT: invalid root$/,
      );
    }
  },
);

mpiTest("abort() ends all processes with its exit code", async (launcher) => {
  const { code, numLeft } = await fail(launcher, ["abort"]);
  assertEquals([code, numLeft], [3, 0]);
});

mpiTest("an error that nobody catches ends all processes", async (launcher) => {
  const { code, stderr, numLeft } = await fail(launcher, ["throw"]);
  assert(code !== 0);
  assertEquals(numLeft, 0);
  assertMatch(stderr, /^error: Uncaught .*RangeError: out of luck$/m);
});
