/** Tests of runs that are kept, interrupted and gone on with; where one is killed, as processes of their own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readRun } from "../../src/runs/read_run.ts";
import { killAndResume } from "../../scripts/kill_and_resume.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { setVariables } from "../environment.ts";
import { assertOneLineError, CPU_DEVICE, runMain, TINY } from "./program.ts";

Deno.test("train goes on after kill -9 at any moment, to the same weights and losses", async () => {
  await using folder = await makeFolder();
  // Several threads wait for each other all the time where other programs compute as well.
  using _threads = setVariables({ OMP_NUM_THREADS: "1" });
  const { kills, steps, numValues, differences } = await killAndResume({
    kills: 3,
    folder: folder.path,
    train: [
      ...["--model=lenet", "--source=sample", "--device=cpu", "--epochs=2"],
      ...["--batch-size=4", "--train-samples=400", "--test-samples=8"],
      ...["--checkpoint-every=7", "--momentum=0.5", "--augment=flip"],
    ],
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
  const begun = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--out", run],
  ]);
  assertEquals(begun.code, 0, begun.stderr);
  assertMatch(
    begun.stdout,
    /^note: the test images decided which checkpoint is best: /m,
  );
  const done = await runMain(["train", "--resume", run]);
  assertEquals([done.code, done.stderr], [0, ""]);
  assertMatch(done.stdout, /^all 1 epochs are done: --epochs N trains more$/m);
  const more = await runMain(["train", "--resume", run, "--epochs", "2"]);
  assertEquals(more.code, 0, more.stderr);
  assertMatch(more.stdout, /^epoch 2, loss /m);
  const { config, epochs } = await readRun(run);
  assertEquals([config.recipe.epochs, epochs.length], [2, 2]);
});

Deno.test("train --resume remembers how the run is computed and kept, and takes new ways", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  const options = ["--checkpoint-every", "1", "--keep-checkpoints", "3"];
  await runMain([
    "train",
    ...TINY,
    "--device",
    "cpu",
    "--out",
    run,
    ...options,
  ]);
  const kept = () => namesIn(`${run}/checkpoints`);
  assertEquals(kept(), ["best", "last", "step-00000001"]);
  const more = await runMain(["train", "--resume", run, "--epochs", "2"]);
  assertEquals(more.code, 0, more.stderr);
  assert(more.stdout.startsWith(`device: ${CPU_DEVICE}\n`));
  assertEquals(kept(), ["best", "last", "step-00000002", "step-00000003"]);
  await runMain([
    ...["train", "--resume", run, "--epochs", "3", "--keep-checkpoints", "1"],
  ]);
  assertEquals(kept(), ["best", "last"]);
  const { recipe } = (await readRun(run)).config;
  assertEquals([recipe.device, recipe["keep-checkpoints"]], ["cpu", 1]);
});

Deno.test("train --resume refuses more epochs where the schedule ends with them", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  await runMain([
    ...["train", ...TINY, "--device", "cpu", "--out", run],
    ...["--schedule", "cosine"],
  ]);
  const { stdout } = await runMain(["train", "--resume", run]);
  assertMatch(
    stdout,
    /^all 1 epochs are done: the cosine schedule ends with them$/m,
  );
  assertOneLineError(
    await runMain(["train", "--resume", run, "--epochs", "2"]),
    { code: 2, message: /as the cosine schedule of .+ ends with its 1 epochs/ },
  );
});

Deno.test("train leaves no run folder behind where it cannot begin", async () => {
  await using folder = await makeFolder();
  assertOneLineError(
    await runMain([
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
    [["--checkpoint-every", "5"], 2, /--checkpoint-every without --out RUN or/],
    [["--keep-checkpoints", "5"], 2, /--keep-checkpoints without --out RUN or/],
    [["--out", "mod.ts"], 1, /Cannot make the folder mod.ts/],
    [["--out", "a", "--resume", "b"], 2, /--out .+--resume/],
  ] as const
) {
  Deno.test(`train ${args.join(" ")} is refused in one line`, async () => {
    const outcome = await runMain(["train", "--device", "cpu", ...args]);
    assertOneLineError(outcome, { code, message });
  });
}

Deno.test("train --resume refuses what decides what a run computes", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  await runMain(["train", ...TINY, "--device", "cpu", "--out", run]);
  for (
    const option of [["--seed", "3"], ["--model", "alexnet"], [
      "--measure-train",
    ]]
  ) {
    assertOneLineError(
      await runMain(["train", "--resume", run, ...option]),
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
  assertOneLineError(await runMain(["train", "--resume", run]), {
    code: 1,
    message: /config.json is damaged: Cannot use --batch-size/,
  });
});
