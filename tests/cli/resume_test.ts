/**
 * Tests of runs that are kept, interrupted and gone on with, as processes of their own.
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
import { killAndResume } from "../../scripts/kill_and_resume.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { assertOneLineError, ROOT, runProgram, TINY } from "./program.ts";

/** LeNet on the CPU, with steps of a few milliseconds. */
const LENET = [
  ...["--model", "lenet", "--source", "sample", "--device", "cpu"],
  ...["--batch-size", "4", "--test-samples", "8"],
];

/** Starts training and sends signals: the first once a step is recorded, the second as soon as the first was heard. */
async function interrupt(
  args: readonly string[],
  { run, signals }: { run: string; signals: readonly Deno.Signal[] },
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "mod.ts", "train", ...args],
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
  if (!hasEnded) child.kill(first);
  let stderr = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stderr) {
    stderr += decoder.decode(bytes);
    if (second && stderr.includes("once more")) {
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
    const options = [...LENET, "--train-samples", "160", "--epochs", "2"];
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
    assert(step >= 1 && step < 80, stderr);
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
    assertEquals(b.tensors, a.tensors);
    assertEquals((await readRun(run)).steps, (await readRun(whole)).steps);
  });
}

Deno.test("train ends at once at the second Ctrl-C", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  // A step of AlexNet takes the CPU several seconds.
  const { signal, code, stderr } = await interrupt([
    ...["--source", "sample", "--device", "cpu", "--resize", "67"],
    ...["--batch-size", "8", "--log-every", "1", "--out", run],
  ], { run, signals: ["SIGINT", "SIGINT"] });
  assertEquals([signal, code], ["SIGINT", 130], stderr);
  assertEquals(namesIn(`${run}/checkpoints`), []);
});

Deno.test("train goes on after kill -9 at any moment, to the same weights and losses", async () => {
  await using folder = await makeFolder();
  const { kills, steps, numValues, differences } = await killAndResume({
    kills: 3,
    folder: folder.path,
    train: [
      ...["--model=lenet", "--source=sample", "--device=cpu", "--epochs=2"],
      ...["--batch-size=4", "--train-samples=400", "--test-samples=8"],
      ...["--checkpoint-every=5", "--momentum=0.5", "--augment=flip"],
    ],
    mostMs: 6000,
    seed: 7,
  });
  assert(kills >= 1, "none was killed");
  assertEquals([steps, differences], [200, []]);
  // last with momentum, and best.
  assertEquals(numValues, 3 * 61_706);
});

Deno.test("train --resume trains more epochs if asked to, and says so where there is nothing left", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  const begun = await runProgram([
    ...["train", ...TINY, "--device", "cpu", "--out", run],
  ]);
  assertEquals(begun.code, 0, begun.stderr);
  const done = await runProgram(["train", "--resume", run, "--device", "cpu"]);
  assertEquals([done.code, done.stderr], [0, ""]);
  assertMatch(done.stdout, /^all 1 epochs are done: --epochs N trains more$/m);
  const more = await runProgram([
    ...["train", "--resume", run, "--device", "cpu", "--epochs", "2"],
  ]);
  assertEquals(more.code, 0, more.stderr);
  assertMatch(more.stdout, /^epoch 2, loss /m);
  const { config, epochs } = await readRun(run);
  assertEquals([config.recipe.epochs, epochs.length], [2, 2]);
});

Deno.test("train leaves no run folder behind where it cannot begin", async () => {
  await using folder = await makeFolder();
  assertOneLineError(
    await runProgram([
      ...["train", "--out", `${folder.path}/run`, "--device", "cpu"],
      ...["--data-dir", `${folder.path}/data`, "--offline"],
    ]),
    { code: 1, message: /data/ },
  );
  assert(!namesIn(folder.path).includes("run"));
});

for (
  const [args, code, message] of [
    [["--resume", "nowhere"], 1, /nowhere\/config.json: there is no such file/],
    [["--checkpoint-every", "5"], 2, /--checkpoint-every .+ add --out RUN/],
    [["--keep-checkpoints", "5"], 2, /--keep-checkpoints .+ add --out RUN/],
    [["--out", "mod.ts"], 1, /Cannot make the folder mod.ts/],
    [["--out", "a", "--resume", "b"], 2, /--out .+--resume/],
  ] as const
) {
  Deno.test(`train ${args.join(" ")} is refused in one line`, async () => {
    const outcome = await runProgram(["train", "--device", "cpu", ...args]);
    assertOneLineError(outcome, { code, message });
  });
}

Deno.test("train --resume refuses what decides what a run computes", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  await runProgram(["train", ...TINY, "--device", "cpu", "--out", run]);
  for (
    const option of [["--seed", "3"], ["--model", "alexnet"], [
      "--measure-train",
    ]]
  ) {
    assertOneLineError(
      await runProgram(["train", "--resume", run, ...option]),
      {
        code: 2,
        message: new RegExp(
          `Cannot use ${option[0]} with --resume, as .+ began`,
        ),
      },
    );
  }
  const text = await Deno.readTextFile(`${run}/config.json`);
  await Deno.writeTextFile(
    `${run}/config.json`,
    text.replace('"batch-size": 8', '"batch-size": -8'),
  );
  assertOneLineError(await runProgram(["train", "--resume", run]), {
    code: 1,
    message: /config.json is damaged: Cannot use --batch-size/,
  });
});
