/** Tests of finding the checkpoint of a run. */

import { assertEquals, assertRejects } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import {
  describeChoice,
  findCheckpoint,
} from "../../src/runs/run_checkpoints.ts";
import { makeFolder } from "../data/folder.ts";

Deno.test("findCheckpoint() prefers the best checkpoint of a run folder, then the last", async () => {
  await using folder = await makeFolder();
  const run = folder.path;
  const error = await assertRejects(() => findCheckpoint(run), DataError);
  assertEquals(error.path, run);
  assertEquals(
    error.message,
    `Cannot use ${run} as a run: it has neither checkpoints/best nor checkpoints/last; name a folder that \`train --out DIR\` wrote, or a checkpoint`,
  );
  await Deno.mkdir(`${run}/checkpoints`);
  await Deno.writeTextFile(`${run}/checkpoints/last`, "");
  assertEquals(await findCheckpoint(run), `${run}/checkpoints/last`);
  await Deno.writeTextFile(`${run}/checkpoints/best`, "");
  assertEquals(await findCheckpoint(run), `${run}/checkpoints/best`);
  assertEquals(await findCheckpoint(`${run}//`), `${run}/checkpoints/best`);
});

Deno.test("findCheckpoint() takes a file for itself, and what does not exist", async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/lenet.safetensors`;
  assertEquals(await findCheckpoint(file), file);
  await Deno.writeTextFile(file, "");
  assertEquals(await findCheckpoint(file), file);
});

Deno.test("describeChoice() says what the test images decided", () => {
  const recipe = { "early-stopping": 3, schedule: "plateau" };
  assertEquals(
    describeChoice(recipe, { hasBest: true }),
    "the test images decided when training ends, the learning rate, and which checkpoint is best: accuracy on other images may be lower than on them",
  );
  assertEquals(
    describeChoice({ schedule: "cosine" }, { hasBest: false }),
    undefined,
  );
});
