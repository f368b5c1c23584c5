/** Tests of reports of runs that have not come far, are damaged, or cannot be written. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { recipeOf } from "../../src/cli/recipe.ts";
import { recordOptions } from "../../src/cli/run.ts";
import { DataError } from "../../src/errors.ts";
import {
  readWeights,
  saveCheckpoint,
  writeCheckpoint,
} from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { writeReport } from "../../src/report/mod.ts";
import type { EpochRecord, RunConfig, StepRecord } from "../../src/runs/mod.ts";
import { type Folder, makeFolder, namesIn } from "../data/folder.ts";
import { use } from "../device.ts";
import { CONFIG } from "./made_run.ts";

/** A first step. */
const STEP: StepRecord = {
  ...{ type: "step", epoch: 1, step: 0, loss: 2.5 },
  ...{ accuracy: 0.25, learningRate: 0.1 },
};

/** A first epoch, of that step. */
const EPOCH: EpochRecord = {
  ...{ type: "epoch", isPartial: false, epoch: 1, loss: 2.5, steps: 1 },
  ...{ trainAccuracy: 0.25, testAccuracy: 0.5, testLoss: 2 },
  measuredTrainAccuracy: undefined,
  ...{ learningRate: 0.1, seconds: 2, waitSeconds: 1, imagesPerSecond: 9 },
};

/** Makes a run folder without checkpoints, of this `config.json` and `metrics.jsonl`. */
async function begin(config = CONFIG, metrics = ""): Promise<Folder> {
  const folder = await makeFolder();
  const { path } = folder;
  await Deno.mkdir(`${path}/checkpoints`);
  await Deno.writeTextFile(`${path}/metrics.jsonl`, metrics);
  await Deno.writeTextFile(`${path}/config.json`, JSON.stringify(config));
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
  const model = { ...CONFIG.model, classes: 2 };
  const data = { ...CONFIG.data, classNames: ["a", "b"] };
  await using other = await begin({ ...CONFIG, model, data });
  const two = lenet({ classes: 2 });
  await saveCheckpoint(`${other.path}/checkpoints/last`, two, model);
  two.dispose();
  // On other data, there are no test images.
  const page = await Deno.readTextFile(await writeReport(other.path));
  assertStringIncludes(page, "The run was on data of its own");
  assertStringIncludes(page, "LeNet on its own data");
  // Says that it is what it is not.
  await writeCheckpoint(best, {
    config: CONFIG.model,
    tensors: await readWeights(net),
  });
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

Deno.test("writeReport() makes a page whatever is among the options, and of a start that is no date", async () => {
  const value = { toString: 1, valueOf: null };
  const recipe = { "batch-size": value, momentum: [value], epochs: value };
  const started = "2026-11-25T20:45:05+01";
  const metrics = `${JSON.stringify(EPOCH)}\n`;
  await using folder = await begin({ ...CONFIG, started, recipe }, metrics);
  const page = await Deno.readTextFile(await writeReport(folder.path));
  assertStringIncludes(page, `begun ${started}`);
  assertStringIncludes(
    page.replaceAll("&quot;", '"'),
    'batch-size {"toString":1,"valueOf":null} instead of 256, momentum [{',
  );
});

Deno.test("writeReport() says in what a run differs from the lecture's recipe, and only then that it does not", async () => {
  const model = { model: "alexnet", classes: 10, imageSize: 224 } as const;
  const data: RunConfig["data"] = {
    ...CONFIG.data,
    source: "full",
    ...{ trainSamples: 60_000, testSamples: 10_000 },
  };
  const lecture = recordOptions(recipeOf({}));
  const old = { "batch-size": 128, "learning-rate": 0.01, momentum: 0 };
  const changes: [recipe: RunConfig["recipe"], said: string][] = [
    [lecture, "This run has its recipe."],
    [old, "This run has its recipe."],
    [{ ...lecture, optimizer: "adam" }, "optimizer adam instead of sgd."],
    [
      { ...lecture, schedule: "cosine", "warmup-epochs": 1 },
      "schedule cosine instead of constant, warmup-epochs 1 instead of 0.",
    ],
    [{ ...lecture, "clip-norm": 1 }, "clip-norm 1 instead of none."],
    [
      { ...lecture, precision: "float16" },
      "precision float16 instead of float32.",
    ],
    [{ ...lecture, augment: ["flip"] }, "augment ["],
    [{ ...lecture, "early-stopping": 2 }, "early-stopping 2 instead of none."],
  ];
  for (const [recipe, said] of changes) {
    const config = { ...CONFIG, model, data, recipe };
    await using folder = await begin(config, `${JSON.stringify(EPOCH)}\n`);
    const page = await Deno.readTextFile(await writeReport(folder.path));
    const start = "This run differs from it: ";
    assertStringIncludes(page, said.startsWith("This") ? said : start + said);
  }
});

Deno.test("writeReport() refuses a network that cannot be, and says where it is from", async () => {
  const model = { ...CONFIG.model, imageSize: 1 };
  await using folder = await begin({ ...CONFIG, model });
  await assertRefused(
    folder.path,
    `Cannot use ${folder.path}/config.json: model: `,
  );
});

Deno.test("writeReport() makes a page of 10,000 epochs, and refuses more", async () => {
  const lines = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => `${JSON.stringify({ ...EPOCH, epoch: i + 1, steps: i + 1 })}\n`,
    )
      .join("");
  await using most = await begin(CONFIG, lines(10_000));
  await writeReport(most.path);
  await using more = await begin(CONFIG, lines(130_000));
  await assertRefused(
    more.path,
    "metrics.jsonl line 10001: at most 10000 epochs are read",
  );
});

async function assertRefused(run: string, reason: string): Promise<void> {
  const { message } = await assertRejects(() => writeReport(run), DataError);
  assertStringIncludes(message, reason);
  assert(!message.includes("\n"), message);
  assertEquals(namesIn(run).includes("report.html"), false);
}
