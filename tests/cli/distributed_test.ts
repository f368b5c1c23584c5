import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { readRun } from "../../src/runs/read_run.ts";
import { makeFolder } from "../data/folder.ts";
import { mpiTest } from "../distributed/mpi.ts";
import { networkTest } from "./network.ts";
import { assertOneLineError, runProgram } from "./program.ts";
import {
  ALEXNET,
  LENET,
  lossesOf,
  relativeDifference,
  trainAlone,
  trainTogether,
} from "./together.ts";

/** What the issue asks for, relative. */
const TOLERANCE = 1e-4;

// What both libraries have to do is tested in `tests/distributed`; training lies above that, and each test of it takes one.
const RUNS = {
  LeNet: { args: LENET, steps: 20, numRanks: [1, 2, 4], only: "Open MPI" },
  AlexNet: { args: ALEXNET, steps: 5, numRanks: [2], only: "MPICH" },
} as const;

/** Losses of LeNet's steps in one process. */
let lenetLosses: Promise<number[]> | undefined;

async function trainLenetAlone(): Promise<number[]> {
  await using folder = await makeFolder();
  return await trainAlone(LENET, join(folder.path, "alone"));
}

for (const [name, { args, steps, numRanks, only }] of Object.entries(RUNS)) {
  mpiTest(
    `train --distributed trains ${name} as one process does`,
    async (launcher) => {
      await using folder = await makeFolder();
      const losses = await (name === "LeNet"
        ? lenetLosses ??= trainLenetAlone()
        : trainAlone(args, join(folder.path, "alone")));
      assertEquals(losses.length, steps);
      for (const size of numRanks) {
        const run = join(folder.path, `${size}`);
        const { code, stdout, stderr } = await trainTogether(launcher, [
          ...args,
          ...["--out", run],
        ], { numRanks: size });
        assertEquals(code, 0, stderr);
        assertMatch(stdout, new RegExp(`^together: ${size} process`, "m"));
        // One process prints.
        assertEquals(stdout.match(/^epoch 1, /gm)?.length, 1);
        const difference = relativeDifference(await lossesOf(run), losses);
        assert(difference < TOLERANCE, `${size} processes: ${difference}`);
      }
    },
    { only },
  );
}

networkTest(
  "train --distributed trains over TCP as one process does",
  async (launcher, network) => {
    await using folder = await makeFolder();
    const expected = await (lenetLosses ??= trainLenetAlone());
    const run = join(folder.path, "run");
    const { code, stderr } = await trainTogether(launcher, [
      ...[...LENET, "--out", run],
    ], { numRanks: 2 });
    assertEquals(code, 0, stderr);
    const difference = relativeDifference(await lossesOf(run), expected);
    assert(difference < TOLERANCE, `${difference}`);
    // As many as each process sends at least: its gradients, 20 times.
    assertGreater(await network.receivedBytes(), 20 * 4 * 61_706);
  },
);

mpiTest(
  "a killed rank ends all, and the run goes on with another number of ranks",
  async (launcher) => {
    await using folder = await makeFolder();
    const run = join(folder.path, "run");
    let killed: string | undefined;
    const { code, numLeft, stdout, stderr } = await trainTogether(
      launcher,
      [
        ...[...LENET, "--epochs", "1000", "--json", "--log-every", "5"],
        ...["--out", run, "--checkpoint-every", "5"],
      ],
      {
        numRanks: 2,
        onOutput(stdout) {
          const hasBegun = stdout.includes('"checkpoint"');
          const pid = /"rank":1,[^}]*"pid":(\d+)/.exec(stdout)?.[1];
          if (!hasBegun || pid === undefined || killed !== undefined) return;
          killed = pid;
          Deno.kill(Number(pid), "SIGKILL");
        },
      },
    );
    assert(killed !== undefined, stdout + stderr);
    assertNotEquals(code, 0);
    assertStringIncludes(stdout + stderr, "process rank 1 ");
    assertEquals(numLeft, 0);
    // However many steps there were: an epoch has 20, and one more is trained.
    const { steps } = await readRun(run);
    const epochs = ["--epochs", `${1 + Math.ceil(steps.length / 20)}`];
    const resumed = await trainTogether(launcher, [
      ...["--resume", run, ...epochs],
    ], { numRanks: 3 });
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stdout, /going on after \d+ steps/);
    const expected = await trainAlone(
      [...LENET, ...epochs],
      join(folder.path, "alone"),
    );
    assert(relativeDifference(await lossesOf(run), expected) < TOLERANCE);
  },
  { only: "Open MPI" },
);

mpiTest(
  "SIGINT to one process ends all after the same step, with a checkpoint",
  async (launcher) => {
    await using folder = await makeFolder();
    const run = join(folder.path, "run");
    let isSent = false;
    const { code, numLeft, stdout, stderr } = await trainTogether(launcher, [
      ...[...LENET, "--epochs", "1000", "--json", "--log-every", "5"],
      ...["--out", run],
    ], {
      numRanks: 2,
      onOutput(stdout) {
        const pid = /"rank":1,[^}]*"pid":(\d+)/.exec(stdout)?.[1];
        if (isSent || !pid || !stdout.includes('"progress"')) return;
        isSent = true;
        Deno.kill(Number(pid), "SIGINT");
      },
    });
    assertEquals([code, numLeft], [130, 0], stderr);
    const { history } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    assertEquals(history.stopped, "aborted");
    assertStringIncludes(
      stderr,
      `interrupted after ${history.steps} steps: go on with: mpirun -n N deno run -A mod.ts train --distributed --resume `,
    );
    assertEquals((await lossesOf(run)).length, history.steps);
  },
  { only: "MPICH" },
);

mpiTest(
  "train --compression and --sync-every train in other ways, to nearly the same losses",
  async (launcher) => {
    await using folder = await makeFolder();
    const expected = await (lenetLosses ??= trainLenetAlone());
    const ways = { compression: ["float16", 1e-3], "sync-every": ["4", 0.5] };
    for (const [name, [value, most]] of Object.entries(ways)) {
      const run = join(folder.path, name);
      const { code, stderr } = await trainTogether(launcher, [
        ...[...LENET, `--${name}`, `${value}`, "--out", run],
      ], { numRanks: 2 });
      assertEquals(code, 0, stderr);
      const { recipe } = JSON.parse(
        await Deno.readTextFile(join(run, "config.json")),
      );
      assertEquals(`${recipe[name]}`, value);
      const difference = relativeDifference(await lossesOf(run), expected);
      // Rounding alone is 1e-7.
      assertGreater(difference, 1e-6, name);
      assert(difference < Number(most), `${name}: ${difference}`);
    }
  },
  { only: "MPICH" },
);

mpiTest(
  "--rank-timeout ends all when a process has not answered for so long, and names it",
  async (launcher) => {
    let stopped: string | undefined;
    const { code, numLeft, stderr } = await trainTogether(launcher, [
      ...[...LENET, "--epochs", "1000", "--json", "--log-every", "5"],
      // Longer than either is busy with anything else, where it has a small part of a core.
      ...["--rank-timeout", "20s"],
    ], {
      numRanks: 2,
      onOutput(stdout) {
        const pid = /"rank":1,[^}]*"pid":(\d+)/.exec(stdout)?.[1];
        if (stopped || !pid || !stdout.includes('"progress"')) return;
        stopped = pid;
        Deno.kill(Number(pid), "SIGSTOP");
      },
    });
    assertNotEquals(code, 0);
    assertEquals(numLeft, 0);
    assertMatch(
      stderr,
      new RegExp(
        `^error: rank 0 \\(PID \\d+ on \\S+\\): Cannot go on as rank 1 \\(PID ${stopped} on \\S+\\) has not answered for 20 s: `,
        "m",
      ),
    );
  },
  { only: "Open MPI" },
);

Deno.test("train --distributed says that nobody started other processes", async () => {
  const outcome = await runProgram(["train", "--distributed", ...LENET]);
  assertOneLineError(outcome, {
    code: 1,
    message: /nobody started them: use `mpirun -n 4 deno run -A/,
  });
});

Deno.test("train refuses what is for processes that train together, alone", async () => {
  for (
    const args of [
      ["--sync-every", "2"],
      ["--compression", "float16"],
      ["--rank-timeout", "60s"],
    ]
  ) {
    assertOneLineError(await runProgram(["train", ...args, ...LENET]), {
      code: 2,
      message: new RegExp(`Cannot use ${args[0]} without --distributed`),
    });
  }
});
