/**
 * Tests of what happens when a call, or one of the processes, fails. That calls succeed is tested in `connect_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder } from "../data/folder.ts";
import { type MpiLauncher, mpiTest, runRanks } from "./mpi.ts";

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
