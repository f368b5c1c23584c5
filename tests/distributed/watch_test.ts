/**
 * Tests of how processes find out that another one does not answer. They take as long as processes wait, so all wait at once.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LAUNCHERS, type MpiLauncher, runRanks } from "./mpi.ts";

/** How long a process may be silent, in milliseconds; 30,000 if not given. */
const SILENCE = "9000";

/** How soon all must be gone: with 30 s, within 60 s. */
const LIMIT_MS = 30_000;

const installed = LAUNCHERS.filter(({ isInstalled }) => isInstalled);
const name = installed.length > 0
  ? `, by ${installed.map(({ name }) => name).join(" and ")}`
  : " (ignored, no mpirun is installed)";

Deno.test({
  name:
    `a process that has stopped is named by the others and all end, one that is late is waited for${name}`,
  ignore: installed.length === 0,
  async fn() {
    // All of them, so that nothing is left running where one fails.
    const outcomes = await Promise.allSettled(
      installed.flatMap((launcher) => [_stop(launcher), _beLate(launcher)]),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  },
});

async function _stop(launcher: MpiLauncher) {
  let stoppedAt: number | undefined;
  let pid: number | undefined;
  const { code, stderr, numLeft } = await runRanks(launcher, {
    numRanks: 3,
    args: ["run", "-A", "tests/distributed/failures.ts", "exchange", SILENCE],
    limitMs: 2 * LIMIT_MS,
    onOutput(stdout) {
      const told = /^rank 1 is (\d+)\.$/m.exec(stdout);
      if (stoppedAt !== undefined || told === null) return;
      pid = Number(told[1]);
      Deno.kill(pid, "SIGSTOP");
      stoppedAt = performance.now();
    },
  });
  assert(stoppedAt !== undefined, stderr);
  const ms = performance.now() - stoppedAt;
  assert(ms < LIMIT_MS, `${launcher.name} took ${ms} ms`);
  assert(code !== 0);
  assertEquals(numLeft, 0);
  assertMatch(
    stderr,
    new RegExp(
      String
        .raw`DistributedError: Cannot go on as rank 1 \(PID ${pid} on [^()]+\) has not answered for 9 s: `,
    ),
  );
}

async function _beLate(launcher: MpiLauncher) {
  const { code, stdout, stderr } = await runRanks(launcher, {
    numRanks: 2,
    args: ["run", "-A", "tests/distributed/failures.ts", "late", SILENCE],
  });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.trim().split("\n").toSorted(), [
    "rank 0 of 2: 1.",
    "rank 1 of 2: 1.",
  ]);
}
