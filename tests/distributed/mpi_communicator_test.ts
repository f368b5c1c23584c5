/**
 * Tests of what happens when a call, or one of the processes, fails. That calls succeed is tested in `connect_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type MpiLauncher, mpiTest, runRanks } from "./mpi.ts";

/** How soon all processes must be gone, with their start, on a machine that does other things as well. */
const SOON_MS = 30_000;

/** Three processes, one of which goes wrong in this way. */
function fail(launcher: MpiLauncher, way: string) {
  return runRanks(launcher, {
    numRanks: 3,
    args: ["run", "-A", "tests/distributed/failures.ts", way],
    limitMs: SOON_MS,
  });
}

mpiTest(
  "broadcast() from a rank that there is not fails with MPI's own text, and so does what follows",
  async (launcher) => {
    const { stdout } = await fail(launcher, "root");
    const lines = stdout.trim().split("\n");
    assert(lines.length >= 2, stdout);
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
  const { code, numLeft } = await fail(launcher, "abort");
  assertEquals([code, numLeft], [3, 0]);
});

mpiTest("an error that nobody catches ends all processes", async (launcher) => {
  const { code, stderr, numLeft } = await fail(launcher, "throw");
  assert(code !== 0);
  assertEquals(numLeft, 0);
  assertMatch(stderr, /^error: Uncaught .*RangeError: out of luck$/m);
});
