/**
 * Tests of runs that are interrupted by signals, as processes of their own.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readRun } from "../../src/runs/read_run.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { ROOT, runProgram } from "./program.ts";

/** LeNet on the CPU, with steps of a few milliseconds. */
const LENET = [
  ...["--model", "lenet", "--source", "sample", "--device", "cpu"],
  ...["--batch-size", "4", "--test-samples", "8"],
];

/** Starts training and sends signals: the first once a step is recorded, the second as soon as the first was heard. */
async function interrupt(
  args: readonly string[],
  { run, signals, isGroup = false }: {
    run: string;
    signals: readonly Deno.Signal[];
    /** Start by the set-up, and send to both processes, as service managers do. */
    isGroup?: boolean;
  },
) {
  const script = isGroup ? "scripts/bootstrap.ts" : "mod.ts";
  const command = [Deno.execPath(), "run", "-A", script, "train", ...args];
  const [program, ...rest] = isGroup ? ["setsid", ...command] : command;
  const child = new Deno.Command(program, {
    args: rest,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const metrics = `${run}/metrics.jsonl`;
  const size = () => Deno.stat(metrics).then((s) => s.size, () => 0);
  const start = await size();
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  while (await size() === start && !hasEnded) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [first, second] = signals;
  if (!hasEnded) Deno.kill(isGroup ? -child.pid : child.pid, first);
  let stderr = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stderr) {
    stderr += decoder.decode(bytes);
    if (second && stderr.includes("once more")) {
      // One that comes at once is taken for the first, passed on by a parent.
      await new Promise((resolve) => setTimeout(resolve, 400));
      try {
        child.kill(second);
      } catch {
        // It has ended by now, which the test sees from its exit code.
      }
    }
  }
  return { stderr, ...await child.status };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`train ends after the step at ${signal}, says how to go on, and that ends like a run without it`, async () => {
    await using folder = await makeFolder();
    const [whole, run] = [`${folder.path}/whole`, `${folder.path}/run`];
    const options = [...LENET, "--train-samples", "80", "--epochs", "2"];
    const { code, stderr } = await interrupt([...options, "--out", run], {
      run,
      signals: [signal],
    });
    assertEquals(code, 130, stderr);
    assertStringIncludes(
      stderr,
      "ending after this step; once more ends at once\n",
    );
    const told =
      /^interrupted after (\d+) steps: go on with: deno run -A mod.ts (train --resume \S+)$/m
        .exec(stderr);
    assert(told !== null, stderr);
    const step = Number(told[1]);
    assert(step >= 1 && step < 40, stderr);
    assertEquals((await readRun(run)).steps.length, step);

    const resumed = await runProgram(told[2].split(" "));
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(
      resumed.stdout,
      `\nrun: ${run}, going on after ${step} steps, in epoch `,
    );
    const other = await runProgram(["train", ...options, "--out", whole]);
    assertEquals(other.code, 0, other.stderr);
    const [a, b] = await Promise.all(
      [whole, run].map((path) => loadCheckpoint(`${path}/checkpoints/last`)),
    );
    for (const [name, { values }] of a.tensors) {
      // Not the values themselves, which would take long to compare in words.
      const same = values.every((x, i) => b.tensors.get(name)?.values[i] === x);
      assert(same, `${name} differs`);
    }
    assertEquals((await readRun(run)).steps, (await readRun(whole)).steps);
  });
}

Deno.test("train ends at once at the second Ctrl-C", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  // A step of AlexNet takes the CPU several seconds.
  const { signal, code, stderr } = await interrupt([
    ...["--source", "sample", "--device", "cpu", "--resize", "67"],
    ...["--batch-size", "2", "--log-every", "1", "--out", run],
  ], { run, signals: ["SIGINT", "SIGINT"] });
  assertEquals([signal, code], ["SIGINT", 130], stderr);
  assertEquals(namesIn(`${run}/checkpoints`), []);
});

Deno.test({
  name: "bootstrap of train passes signals on, and one that both get is one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeFolder();
    const run = `${folder.path}/run`;
    const { code, stderr } = await interrupt([
      ...[...LENET, "--train-samples", "200", "--epochs", "5", "--out", run],
    ], { run, signals: ["SIGTERM"], isGroup: true });
    assertEquals(code, 130, stderr);
    assertMatch(stderr, /^interrupted after \d+ steps: go on with: /m);
    assertEquals(namesIn(`${run}/checkpoints`), ["last"]);
  },
});
