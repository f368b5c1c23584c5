/** Tests of reading run folders: whole, cut off, gone back, damaged and hostile. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import { readRun } from "../../src/runs/read_run.ts";
import type {
  EpochRecord,
  RunConfig,
  StepRecord,
} from "../../src/runs/records.ts";
import { makeFolder } from "../data/folder.ts";

const CONFIG: RunConfig = {
  format: 1,
  started: "2026-11-25T20:45:05.123Z",
  versions: { deno: "2.9.6" },
  device: "CPU, plain JavaScript",
  system: "linux x86_64",
  model: { model: "lenet", classes: 2, imageSize: 28 },
  recipe: { epochs: 2, augment: ["flip"], maxTimeMs: null },
  data: {
    source: "sample",
    classNames: ["Bag", "Coat"],
    trainSamples: 2000,
    testSamples: 500,
    sha256: {},
    transforms: [],
  },
};

function step(epoch: number, step: number, loss = 1.5): StepRecord {
  return {
    ...{ type: "step", epoch, step, loss },
    ...{ accuracy: 0.5, learningRate: 0.1 },
  };
}

function epochEnd(epoch: number, steps: number, loss = 1.5): EpochRecord {
  return {
    ...{ type: "epoch", isPartial: false, epoch, loss, steps },
    ...{ trainAccuracy: 0.5, testAccuracy: undefined, testLoss: undefined },
    measuredTrainAccuracy: undefined,
    ...{ learningRate: 0.1, seconds: 2, waitSeconds: 0, imagesPerSecond: 9 },
  };
}

/** A run folder with these contents. */
async function makeRun(files: { config?: string; metrics?: string }) {
  const folder = await makeFolder();
  const { config = JSON.stringify(CONFIG), metrics = "" } = files;
  await Deno.writeTextFile(`${folder.path}/config.json`, config);
  await Deno.writeTextFile(`${folder.path}/metrics.jsonl`, metrics);
  return folder;
}

const lines = (...records: unknown[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** JSON knows no undefined. */
const known = (record: EpochRecord) => JSON.parse(JSON.stringify(record));

Deno.test("readRun() gives what was written", async () => {
  const records = [step(1, 0), step(1, 1), epochEnd(1, 2), step(2, 2)];
  await using folder = await makeRun({ metrics: lines(...records) });
  const run = await readRun(folder.path);
  assertEquals(run.config, CONFIG);
  assertEquals(run.steps, [step(1, 0), step(1, 1), step(2, 2)]);
  assertEquals(run.epochs.map(known), [known(epochEnd(1, 2))]);
});

Deno.test("readRun() leaves out a last line that a kill has cut off, wherever", async () => {
  const whole = lines(step(1, 0), step(1, 1));
  const last = lines(epochEnd(1, 2));
  for (let length = 0; length < last.length - 1; length++) {
    await using folder = await makeRun({
      metrics: whole + last.slice(0, length),
    });
    const { steps, epochs } = await readRun(folder.path);
    assertEquals([steps.length, epochs.length], [2, 0]);
  }
  // All but the line break.
  await using folder = await makeRun({ metrics: whole + last.trimEnd() });
  assertEquals((await readRun(folder.path)).epochs.length, 1);
});

Deno.test("readRun() believes what a resumed run said last", async () => {
  const metrics = lines(
    ...[step(1, 0), step(1, 1), epochEnd(1, 2), step(2, 2), step(2, 3)],
    ...[step(1, 1, 7), epochEnd(1, 2, 8), step(2, 2, 9)],
  );
  await using folder = await makeRun({ metrics });
  const { steps, epochs } = await readRun(folder.path);
  assertEquals(steps, [step(1, 0), step(1, 1, 7), step(2, 2, 9)]);
  assertEquals(epochs.map(({ loss }) => loss), [8]);
});

const BAD_CONFIGS: [what: string, config: string, reason: RegExp][] = [
  ["that is cut off", '{"format":1,\n"started', /config\.json: .+JSON/],
  ["of another format", '{"format":2}', /config\.json: format: .+1/],
  ["that is no object", "[]", /config\.json: /],
  ...([
    ["started", "today", /started/],
    [
      "model",
      { ...CONFIG.model, imageSize: 1e9 },
      /model: .+ imageSize .+4096/,
    ],
    ["model", { ...CONFIG.model, classes: 1e9 }, /model: .+ classes .+100000/],
    [
      "model",
      { ...CONFIG.model, model: "vgg" },
      /model: .+ not one of alexnet/,
    ],
    ["model", { ...CONFIG.model, classes: 3 }, /a class name for each class/],
    ["data", { ...CONFIG.data, testSamples: 501 }, /not so many images/],
    ["model", { ...CONFIG.model, model: "\x1b[2J".repeat(1e5) }, /model/],
    ["device", "x".repeat(1e5), /device: /],
    ["device", ["<script>"], /device: /],
  ] as const).map(([key, value, reason]): typeof BAD_CONFIGS[number] => [
    `whose ${key} is ${JSON.stringify(value).slice(0, 40)}`,
    JSON.stringify({ ...CONFIG, [key]: value }),
    reason,
  ]),
];
for (const [what, config, reason] of BAD_CONFIGS) {
  Deno.test(`readRun() refuses a configuration ${what}`, async () => {
    await using folder = await makeRun({ config });
    await assertRefused(folder.path, reason);
  });
}

const BAD_METRICS: [what: string, metrics: string, reason: RegExp][] = [
  [
    "that is no JSON",
    `${lines(step(1, 0))}{"type\n${lines(step(1, 1))}`,
    /metrics\.jsonl line 2: .+JSON/,
  ],
  [
    "without a loss",
    lines(step(1, 0), { ...step(1, 1), loss: "low" }),
    /metrics\.jsonl line 2: loss: /,
  ],
  [
    "of an impossible accuracy",
    lines({ ...epochEnd(1, 2), testAccuracy: 87 }),
    /line 1: testAccuracy: .+1/,
  ],
  ["of step -1", lines(step(1, -1)), /line 1: step: /],
  ["of another type", lines({ type: "note" }), /line 1: type: /],
  ["that is empty", `\n${lines(step(1, 0))}`, /line 1: /],
];
for (const [what, metrics, reason] of BAD_METRICS) {
  Deno.test(`readRun() refuses a line ${what}`, async () => {
    await using folder = await makeRun({ metrics });
    await assertRefused(folder.path, reason);
  });
}

Deno.test("readRun() reads no file that is too large, missing, or no file", async () => {
  await using folder = await makeRun({});
  const [config, metrics] = ["config.json", "metrics.jsonl"]
    .map((name) => `${folder.path}/${name}`);
  await Deno.truncate(metrics, 2 ** 28 + 1);
  await assertRefused(folder.path, /metrics\.jsonl: 268435457 bytes/);
  await Deno.remove(metrics);
  await assertRefused(folder.path, /metrics\.jsonl: there is no such file; `/);
  await Deno.truncate(config, 2 ** 20 + 1);
  await assertRefused(folder.path, /config\.json: 1048577 bytes/);
  await Deno.remove(config);
  await Deno.mkdir(config);
  await assertRefused(folder.path, /config\.json: it is not a file/);
});

async function assertRefused(path: string, reason: RegExp): Promise<void> {
  const { message } = await assertRejects(() => readRun(path), DataError);
  assert(reason.test(message), message);
  assert(!/\p{Cc}/u.test(message) && message.length < 1100, message);
}
