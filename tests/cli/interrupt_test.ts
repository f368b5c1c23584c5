/** Tests of runs that are interrupted by signals, as processes of their own. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { listenForInterrupts } from "../../src/cli/interrupts.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readRun } from "../../src/runs/read_run.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { ROOT, runProgram } from "./program.ts";

/** Batches of an epoch. */
const STEPS = 20;

/** LeNet on the CPU, with steps of a few milliseconds. */
const LENET = [
  ...["--model", "lenet", "--source", "sample", "--device", "cpu"],
  ...["--batch-size", "4", "--train-samples", `${4 * STEPS}`],
  ...["--test-samples", "8"],
];

/** Threads that wait for each other at every layer take long for such steps where they have to wait for a core as well. */
const ENV = { NO_COLOR: "1", OMP_NUM_THREADS: "1" };

/** More epochs than there is time for before a signal comes, however late that is. */
const ENDLESS = ["train", ...LENET, "--epochs", "100000", "--log-every", "1"];

/** What the program says of the first signal. */
const HEARD =
  "ending after this step; press Ctrl-C again, a second or more later, to end at once\n";

/** How long a program may take, in milliseconds: many times what it does. */
const LIMIT_MS = 300_000;

/** A program, and what is done when it prints something. */
interface Interrupted {
  /** Arguments of `deno run -A`. */
  readonly args: readonly string[];
  /** Started as the first of a process group. */
  readonly isGroup?: boolean;
  /** Texts on standard error, and what is done when each has been printed. */
  readonly on: Readonly<
    Record<string, (child: Deno.ChildProcess) => void | Promise<void>>
  >;
}

/** Runs a program until it ends. */
async function run({ args, isGroup = false, on }: Interrupted) {
  const command = [Deno.execPath(), "run", "-A", ...args];
  const [program, ...rest] = isGroup ? ["setsid", ...command] : command;
  const child = new Deno.Command(program, {
    args: rest,
    cwd: ROOT,
    env: ENV,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const waiting = new Map(Object.entries(on));
  const actions: (void | Promise<void>)[] = [];
  let stderr = "";
  const timer = setTimeout(() => {
    const awaited = [...waiting.keys(), "its end"].map((x) => x.trim());
    stderr += `killed after ${LIMIT_MS} ms of waiting for ${awaited[0]}`;
    child.kill("SIGKILL");
  }, LIMIT_MS);
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    for (const [awaited, act] of waiting) {
      if (!stderr.includes(awaited)) continue;
      waiting.delete(awaited);
      actions.push(act(child));
    }
  }
  await Promise.all(actions);
  clearTimeout(timer);
  return { stderr, ...await child.status };
}

/** Presses Ctrl-C once, a second and a little later. Before that, it is taken for the first one, passed on by a parent. */
async function pressLater(child: Deno.ChildProcess): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  child.kill("SIGINT");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`train ends after the step at ${signal}, says how to go on, and that ends like a run without it`, async () => {
    await using folder = await makeFolder();
    const [whole, path] = [`${folder.path}/whole`, `${folder.path}/run`];
    const { code, stderr } = await run({
      args: ["mod.ts", ...ENDLESS, "--out", path],
      on: { "epoch 1, step 5 of": (child) => child.kill(signal) },
    });
    assertEquals(code, 130, stderr);
    assertStringIncludes(stderr, HEARD);
    const told =
      /^interrupted after (\d+) steps: go on with: deno run -A mod.ts (train --resume \S+)$/m
        .exec(stderr);
    assert(told !== null, stderr);
    const step = Number(told[1]);
    assert(step >= 5, stderr);
    assertEquals((await readRun(path)).steps.length, step);

    // Up to the end of the epoch that it was in, or of the next.
    const epochs = ["--epochs", `${Math.floor(step / STEPS) + 1}`];
    const resumed = await runProgram([...told[2].split(" "), ...epochs], ENV);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(
      resumed.stdout,
      `\nrun: ${path}, going on after ${step} steps, in epoch `,
    );
    const other = await runProgram([
      ...["train", ...LENET, ...epochs, "--out", whole],
    ], ENV);
    assertEquals(other.code, 0, other.stderr);
    const [a, b] = await Promise.all(
      [whole, path].map((path) => loadCheckpoint(`${path}/checkpoints/last`)),
    );
    for (const [name, { values }] of a.tensors) {
      // Not the values themselves, which would take long to compare in words.
      const same = values.every((x, i) => b.tensors.get(name)?.values[i] === x);
      assert(same, `${name} differs`);
    }
    assertEquals((await readRun(path)).steps, (await readRun(whole)).steps);
  });
}

Deno.test("the first Ctrl-C is answered while train is busy, and one a second later ends it at once", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  const { signal, code, stderr } = await run({
    args: ["tests/cli/busy_program.ts", ...ENDLESS, "--out", path],
    on: {
      "epoch 1, step 5 of": (child) => child.kill("SIGINT"),
      [HEARD]: pressLater,
    },
  });
  assertEquals([signal, code], ["SIGINT", 130], stderr);
  assert(stderr.endsWith(HEARD), stderr);
  assertEquals(namesIn(`${path}/checkpoints`), []);
});

Deno.test({
  name: "bootstrap of train passes signals on, and one that both get is one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeFolder();
    const path = `${folder.path}/run`;
    const { code, stderr } = await run({
      args: ["scripts/bootstrap.ts", ...ENDLESS, "--out", path],
      isGroup: true,
      // Service managers send it to both.
      on: { "epoch 1, step 5 of": ({ pid }) => Deno.kill(-pid, "SIGTERM") },
    });
    assertEquals(code, 130, stderr);
    assertMatch(stderr, /^interrupted after \d+ steps: go on with: /m);
    assertEquals(namesIn(`${path}/checkpoints`), ["last"]);
  },
});

Deno.test("a thread for signals that fails at its start is ended", async () => {
  let isEnded = false;
  class FailingWorker {
    onerror?: (event: { message: string }) => void;
    constructor() {
      setTimeout(() => this.onerror?.({ message: "no threads" }));
    }
    terminate() {
      isEnded = true;
    }
  }
  const { Worker } = globalThis;
  Object.assign(globalThis, { Worker: FailingWorker });
  try {
    await assertRejects(listenForInterrupts, Error, "no threads");
  } finally {
    Object.assign(globalThis, { Worker });
  }
  assert(isEnded);
});
