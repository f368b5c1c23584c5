/** Tests of what `train --json` prints. */

import { assert, assertEquals } from "@std/assert";
import { trainOutput } from "../../../src/cli/commands/train_output.ts";
import { recipeOf } from "../../../src/cli/recipe.ts";
import { ProgressView } from "../../../src/cli/terminal/progress.ts";
import { readRun } from "../../../src/runs/read_run.ts";
import type { History } from "../../../src/train/fit.ts";
import { makeFolder } from "../../data/folder.ts";
import { runMain, TINY } from "../program.ts";

/** The objects that the program printed. */
// deno-lint-ignore no-explicit-any -- they are whatever the program printed, and compared with what is expected
function objectsOf(stdout: string): any[] {
  assert(stdout.endsWith("\n"), stdout);
  return stdout.slice(0, -1).split("\n").map((line) => JSON.parse(line));
}

Deno.test("train --json prints one object a line, of all that happens, and nothing else", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/run`;
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--json", "--log-every", "1"],
    ...["--epochs", "2", "--out", run, "--checkpoint-every", "1"],
    ...["--save", `${folder.path}/weights`, "--measure-train"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const lines = objectsOf(stdout);
  const { config, epochs } = await readRun(run);
  assertEquals(lines[0], { type: "start", config, out: run });
  const last = lines.at(-1);
  assertEquals([last.type, last.history.stopped], ["end", "completed"]);
  assertEquals([last.history.steps, last.history.epochs.length], [4, 2]);
  assertEquals(lines.slice(-3, -1).map(({ message }) => message), [
    `saved ${folder.path}/weights`,
    `wrote ${run}/report.html`,
  ]);
  const ofType = (type: string) => lines.filter((line) => line.type === type);
  // JSON has no undefined.
  assertEquals(ofType("epoch"), JSON.parse(JSON.stringify(epochs)));
  for (const { measuredTrainAccuracy } of ofType("epoch")) {
    assert(measuredTrainAccuracy >= 0 && measuredTrainAccuracy <= 1);
  }
  assertEquals(ofType("checkpoint").map(({ step }) => step), [
    1,
    2,
    2,
    3,
    4,
    4,
  ]);
  for (const { path } of ofType("checkpoint")) {
    assertEquals(path, `${run}/checkpoints/last`);
  }
  const trained = ofType("progress").filter(({ phase }) => phase === "train");
  assertEquals(trained.map(({ epoch, batch }) => [epoch, batch]), [
    ...[[1, 1], [1, 2], [2, 1], [2, 2]],
  ]);
  for (const { loss, accuracy, batches } of trained) {
    assert(loss > 0 && accuracy >= 0 && batches === 2);
  }

  const resumed = await runMain([
    ...["train", "--resume", run, "--device", "cpu", "--json"],
  ]);
  assertEquals([resumed.code, resumed.stderr], [0, ""]);
  const [start, end] = [0, -1].map((i) => objectsOf(resumed.stdout).at(i));
  assertEquals([start.type, start.resumedAtStep], ["start", 4]);
  assertEquals([end.type, end.history], ["end", last.history]);
});

Deno.test("train --json --quiet prints results only", async () => {
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--json", "--quiet"],
    ...["--log-every", "1"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const types = objectsOf(stdout).map(({ type }) => type);
  assertEquals(types, ["start", "epoch", "end"]);
});

Deno.test("train --json leaves out what is unknown, and prints null for a number that is not finite", () => {
  const recipe = recipeOf({ json: true });
  using view = new ProgressView(recipe);
  const output = trainOutput(recipe, { view, isFirst: true });
  const lines: string[] = [];
  const { log } = console;
  console.log = (line) => lines.push(line);
  try {
    output.end({
      epochs: [{
        epoch: 1,
        loss: NaN,
        testLoss: -Infinity,
        testAccuracy: undefined,
      }],
      steps: 2,
    } as unknown as History);
  } finally {
    console.log = log;
  }
  assertEquals(lines, [
    '{"type":"end","history":{"epochs":[{"epoch":1,"loss":null,"testLoss":null}],"steps":2}}',
  ]);
});
