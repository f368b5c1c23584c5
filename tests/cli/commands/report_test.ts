/** Tests of `report`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { saveCheckpoint } from "../../../src/io/checkpoint.ts";
import { lenet } from "../../../src/models/lenet.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { use } from "../../device.ts";
import { CONFIG } from "../../report/made_run.ts";
import { assertOneLineError, CPU_DEVICE, runMain } from "../program.ts";

/** A run that has saved its first weights and trained no step. */
async function makeRun() {
  const folder = await makeFolder();
  const data = { ...CONFIG.data, testSamples: 5 };
  const files = {
    "config.json": JSON.stringify({ ...CONFIG, data }),
    "metrics.jsonl": "",
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  await use("cpu");
  const net = lenet();
  await Deno.mkdir(`${folder.path}/checkpoints`);
  await saveCheckpoint(`${folder.path}/checkpoints/last`, net, CONFIG.model);
  net.dispose();
  return folder;
}

Deno.test("report writes the page into the run folder and says so", async () => {
  await using run = await makeRun();
  const { code, stdout, stderr } = await runMain([
    ...["report", run.path, "--device", "cpu"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `device: ${CPU_DEVICE}\nwrote ${run.path}/report.html\n`,
  );
  const page = await Deno.readTextFile(`${run.path}/report.html`);
  assertStringIncludes(page, "Of 5 test images");
});

Deno.test("report --output --quiet writes the page elsewhere and prints where", async () => {
  await using run = await makeRun();
  const before = namesIn(run.path);
  await using folder = await makeFolder();
  const output = `${folder.path}/page.html`;
  const outcome = await runMain([
    ...["report", run.path, "--output", output, "--device", "cpu", "--quiet"],
  ]);
  assertEquals(outcome, { code: 0, stdout: `wrote ${output}\n`, stderr: "" });
  assertEquals(namesIn(folder.path), ["page.html"]);
  assertEquals(namesIn(run.path), before);
});

Deno.test("report refuses what is no run folder, and a damaged one, in one line", async () => {
  const args = ["--device", "cpu", "--quiet"];
  assertOneLineError(await runMain(["report", "/nonexistent", ...args]), {
    code: 1,
    message: /\/nonexistent\/config\.json: there is no such file; `train --out/,
  });
  await using run = await makeRun();
  await Deno.writeTextFile(`${run.path}/metrics.jsonl`, "{}\n{}\n");
  assertOneLineError(await runMain(["report", run.path, ...args]), {
    code: 1,
    message: /metrics\.jsonl line 1: type: /,
  });
});
