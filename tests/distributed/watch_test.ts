/**
 * Tests of how processes find out that another one does not answer. With a library, a clock and other processes that the test
 * makes up; then with real ones, which take as long as processes wait, so that all wait at once.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type {
  MpiFunction,
  MpiLibrary,
  MpiValue,
} from "../../src/distributed/library.ts";
import { SILENCE_MS, Watch } from "../../src/distributed/watch.ts";
import { DistributedError } from "../../src/errors.ts";
import { type Clock, pretendTime } from "../environment.ts";
import { LAUNCHERS, type MpiLauncher, runRanks } from "./mpi.ts";

/** How long a real process may be silent, in milliseconds, also where it has a small part of a core; 30,000 if not given. */
const SILENCE = "9000";

const SECOND_MS = 1000;

/** Kinds of messages, as they are sent. */
const [ANSWER, FAREWELL] = [2, 3];

/** Two other processes, which never come to what this one waits for; and a clock that nothing else moves. */
class Others implements AsyncDisposable {
  readonly clock: Clock = pretendTime();
  readonly watch: Watch;
  readonly #answering: readonly number[];
  /** Messages on their way to this process. */
  readonly #sent: { rank: MpiValue; kind: number }[] = [];

  /** @param answering The ranks that answer when they are asked. */
  constructor(...answering: readonly number[]) {
    this.#answering = answering;
    const call = this.#call.bind(this);
    this.watch = new Watch({ abi: {}, call } as unknown as MpiLibrary, {
      ...{ comm: 0, rank: 0, size: 3, silenceMs: SILENCE_MS },
      nameOf: (rank) => `rank ${rank}`,
    });
    this.watch.numBegun = 1;
  }

  /** As the library does, with the arguments in its order. */
  #call(name: MpiFunction, ...values: readonly MpiValue[]): void {
    const [first, , , fourth] = values;
    if (name === "MPI_Isend") {
      const isFarewell = (first as Int32Array)[0] === FAREWELL;
      if (isFarewell) this.#sent.push({ rank: fourth, kind: FAREWELL });
      else if (this.#answering.includes(Number(fourth))) {
        this.#sent.push({ rank: fourth, kind: ANSWER });
      }
    } else if (name === "MPI_Iprobe") {
      const isSent = this.#sent.some(({ rank }) => rank === first);
      (fourth as Int32Array)[0] = Number(isSent);
    } else if (name === "MPI_Recv") {
      const index = this.#sent.findIndex(({ rank }) => rank === fourth);
      const [{ kind }] = this.#sent.splice(index, 1);
      (first as Int32Array).set([kind, 0]);
    } else if (name === "MPI_Test") {
      (values[1] as Int32Array)[0] = 1;
    }
  }

  /** Has this process wait, and look after the others each second: after how many that throws, and what. */
  wait(seconds: { from: number; to: number }): [seconds: number, why: string] {
    const begin = this.clock.ms;
    for (let second = seconds.from; second <= seconds.to; second++) {
      this.clock.ms = begin + (second - seconds.from) * SECOND_MS;
      try {
        this.watch.check(second * SECOND_MS);
      } catch (error) {
        assert(error instanceof DistributedError, `${error}`);
        return [second, error.message];
      }
    }
    return [Infinity, ""];
  }

  async [Symbol.asyncDispose]() {
    await this.watch.leave();
    this.clock[Symbol.dispose]();
  }
}

/** What is said of process 1. */
const SILENT = /^Cannot go on as rank 1 has not answered for 30 s: /;

Deno.test("Watch refuses a process that does not answer within a minute, and names it", async () => {
  await using others = new Others(2);
  const [seconds, why] = others.wait({ from: 0, to: 100 });
  assert(seconds > 40 && seconds < 60, `${seconds} s`);
  assertMatch(why, SILENT);
});

Deno.test("Watch waits for processes that answer, but not for ever", async () => {
  await using others = new Others(1, 2);
  const [seconds, why] = others.wait({ from: 0, to: 3600 });
  assert(seconds > 1800 && seconds < 1830, `${seconds} s`);
  assertMatch(why, /^Cannot go on as rank 1 and rank 2 did not come to /);
});

Deno.test("Watch refuses nobody whom it has not asked, as this process was busy", async () => {
  await using others = new Others(2);
  assertEquals(others.wait({ from: 300, to: 330 }), [Infinity, ""]);
  // The next wait is another one.
  assertEquals(others.wait({ from: 0, to: 40 }), [Infinity, ""]);
});

Deno.test("Watch does not count the time for which this process was stopped", async () => {
  await using others = new Others(2);
  assertEquals(others.wait({ from: 0, to: 30 }), [Infinity, ""]);
  others.clock.ms += 3600 * SECOND_MS;
  const [seconds, why] = others.wait({ from: 3630, to: 3700 });
  assert(seconds > 3635 && seconds < 3645, `${seconds} s`);
  assertMatch(why, SILENT);
});

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
      installed.flatMap((launcher) => [stop(launcher), beLate(launcher)]),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  },
});

async function stop(launcher: MpiLauncher) {
  let pid: number | undefined;
  const { code, stderr, numLeft } = await runRanks(launcher, {
    numRanks: 3,
    args: ["run", "-A", "tests/distributed/failures.ts", "exchange", SILENCE],
    onOutput(stdout) {
      const told = /^rank 1 is (\d+)\.$/m.exec(stdout);
      if (pid !== undefined || told === null) return;
      pid = Number(told[1]);
      Deno.kill(pid, "SIGSTOP");
    },
  });
  assert(pid !== undefined, stderr);
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

async function beLate(launcher: MpiLauncher) {
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
