/**
 * Tests of reports of runs that have not come far, are damaged, or cannot be written.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { DataError } from "../../src/errors.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { writeReport } from "../../src/report/mod.ts";
import type { RunConfig, StepRecord } from "../../src/runs/mod.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { use } from "../device.ts";
import { CONFIG } from "./made_run.ts";

const STEP: StepRecord = {
  ...{ type: "step", epoch: 1, step: 0, loss: 2.5 },
  ...{ accuracy: 0.25, learningRate: 0.1 },
};

/** A run folder without checkpoints. */
async function begin(config: RunConfig = CONFIG, metrics = "") {
  const folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/checkpoints`);
  await Deno.writeTextFile(`${folder.path}/metrics.jsonl`, metrics);
  await Deno.writeTextFile(
    `${folder.path}/config.json`,
    JSON.stringify(config),
  );
  return folder;
}

Deno.test("writeReport() makes a page of a run that has only begun", async () => {
  for (const metrics of ["", `${JSON.stringify(STEP)}\n`]) {
    await using folder = await begin(CONFIG, metrics);
    const page = await Deno.readTextFile(await writeReport(folder.path));
    for (
      const id of [
        ...["headline", "loss", "accuracy", "confusion", "classes"],
        ...["mistakes", "filters", "layers", "throughput", "configuration"],
      ]
    ) assertStringIncludes(page, `<section id="${id}"`);
    assertEquals(page.split("no checkpoint yet").length - 1, 4);
    assertEquals(page.includes("NaN") || page.includes("undefined"), false);
    assertEquals(page.includes("training, each step"), metrics !== "");
  }
});

Deno.test("writeReport() takes the last checkpoint where there is no best one, of few images", async () => {
  await use("cpu");
  const data = { ...CONFIG.data, testSamples: 3 };
  await using folder = await begin({ ...CONFIG, data });
  const net = lenet({ seed: 3 });
  const last = `${folder.path}/checkpoints/last`;
  await saveCheckpoint(last, net, CONFIG.model);
  const page = await Deno.readTextFile(await writeReport(folder.path));
  assertStringIncludes(page, "checkpoint “last”");
  assertStringIncludes(page, "Of 3 test images");
  net.dispose();
});

Deno.test("writeReport() refuses a checkpoint of another network or a damaged one, and writes nothing", async () => {
  await use("cpu");
  await using folder = await begin();
  const best = `${folder.path}/checkpoints/best`;
  const net = lenet({ imageSize: 32 });
  await saveCheckpoint(best, net, { ...CONFIG.model, imageSize: 32 });
  await assertRefused(
    folder.path,
    "best: it is lenet for 10 classes and 32x32 images, and config.json says lenet for 10 classes and 28x28 images",
  );
  // Says that it is what it is not.
  await saveCheckpoint(best, net, CONFIG.model);
  await assertRefused(
    folder.path,
    "best: its tensor dense_1.kernel has shape [576,120], and lenet",
  );
  await Deno.truncate(best, 1000);
  await assertRefused(folder.path, `Cannot read ${best}`);
  net.dispose();
});

Deno.test("writeReport() leaves nothing behind where it cannot write", async () => {
  await using folder = await begin();
  const output = `${folder.path}/checkpoints`;
  const error = await assertRejects(
    () => writeReport(folder.path, { output }),
    DataError,
  );
  assertStringIncludes(error.message, `Cannot write ${output}: `);
  assertEquals(namesIn(folder.path), [
    ...["checkpoints", "config.json", "metrics.jsonl"],
  ]);
});

async function assertRefused(run: string, reason: string): Promise<void> {
  const { message } = await assertRejects(() => writeReport(run), DataError);
  assertStringIncludes(message, reason);
  assert(!message.includes("\n"), message);
  assertEquals(namesIn(run).includes("report.html"), false);
}
