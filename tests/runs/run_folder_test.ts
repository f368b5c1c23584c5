/** Tests of run folders: what a run leaves, that it goes on from it, and what is refused. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { DataError, TrainingError } from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import { DataLoader } from "../../src/data/loader/data_loader.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readRun } from "../../src/runs/read_run.ts";
import type { RunConfig } from "../../src/runs/records.ts";
import { RunFolder, type RunFolderOptions } from "../../src/runs/run_folder.ts";
import type { EpochEnd } from "../../src/train/callbacks.ts";
import { fit, type FitOptions, type History } from "../../src/train/fit.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { use } from "../device.ts";
import { decodeEvent, PROTOC_OBSTACLE, readRecords } from "../io/events.ts";
import { numbers } from "../numbers.ts";

const SIZE = 12;
const CLASS_NAMES = ["dark", "bright"];

/** The configuration of the runs of this file. */
const CONFIG: RunConfig = {
  format: 1,
  started: "2026-11-25T21:00:00.000Z",
  versions: { deno: Deno.version.deno },
  device: "CPU, plain JavaScript",
  system: "linux x86_64",
  model: { model: "lenet", classes: 2, imageSize: SIZE },
  recipe: { epochs: 3 },
  data: {
    source: "sample",
    classNames: CLASS_NAMES,
    trainSamples: 12,
    testSamples: 4,
    sha256: {},
    transforms: ["scale to [0, 1]"],
  },
};

const EPOCH: EpochEnd = {
  epoch: 1,
  ...{ loss: 1, trainAccuracy: 0.5, testAccuracy: 0.75, testLoss: 1 },
  ...{ measuredTrainAccuracy: undefined, isPartial: false, steps: 8 },
  ...{ learningRate: 1, seconds: 1, waitSeconds: 0, imagesPerSecond: 1 },
};

function data(count: number): DataLoader {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  const noise = numbers(count * SIZE * SIZE, [0, 100], 3);
  const images = Uint8Array.from(
    noise,
    (value, k) => value + 150 * labels[Math.floor(k / SIZE ** 2)],
  );
  const dataset = arrayDataset({
    images: { shape: [count, SIZE, SIZE], data: images },
    labels: { shape: [count], data: labels },
    classNames: CLASS_NAMES,
  });
  return new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 1 });
}

/** Trains for 3 epochs of 3 steps, the state kept in the folder. */
async function train(
  run: RunFolder,
  options: FitOptions = {},
): Promise<History> {
  const net = lenet({ classes: 2, imageSize: SIZE, seed: 3 });
  const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
  try {
    return await fit(net, data(12), {
      epochs: 3,
      optimizer,
      validation: data(4),
      checkpoints: run.checkpoints,
      resume: run.state,
      ...options,
      callbacks: [run.callbacks, ...options.callbacks ?? []],
    });
  } finally {
    optimizer.dispose();
    net.dispose();
  }
}

/** Begins a run and stops it in step 5, as a kill after that step does: nothing is written any more. */
async function beginAndStop(
  path: string,
  options: RunFolderOptions = {},
): Promise<void> {
  using run = await RunFolder.create(path, CONFIG, options);
  const onStepEnd = ({ step }: { step: number }) => {
    if (step === 5) throw new Error("killed");
  };
  await assertRejects(() => train(run, { callbacks: [{ onStepEnd }] }));
}

/** Names of checkpoints and how many steps were done in each. */
async function checkpointsIn(path: string): Promise<[string, number][]> {
  const found: [string, number][] = [];
  for (const name of namesIn(`${path}/checkpoints`)) {
    const { training } = await loadCheckpoint(`${path}/checkpoints/${name}`);
    found.push([name, training ? JSON.parse(training).step : NaN]);
  }
  return found;
}

Deno.test("RunFolder keeps configuration, every step and epoch, and the last and best weights", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/deep/run`;
  using run = await RunFolder.create(path, CONFIG);
  assertEquals(run.state, undefined);
  const { epochs } = await train(run);
  const read = await readRun(path);
  assertEquals(read.config, CONFIG);
  assertEquals(read.steps.map(({ step }) => step), [...Array(9).keys()]);
  assertEquals(read.steps.map(({ epoch }) => epoch).join(""), "111222333");
  assertEquals(read.epochs.map((e) => e.loss), epochs.map((e) => e.loss));
  for (const [i, { loss, trainAccuracy }] of epochs.entries()) {
    const own = read.steps.slice(3 * i, 3 * i + 3);
    const mean = (key: "loss" | "accuracy") =>
      own.reduce((sum, step) => sum + step[key]!, 0) / 3;
    assert(Math.abs(mean("loss") - loss) < 1e-6);
    assert(Math.abs(mean("accuracy") - trainAccuracy) < 1e-6);
  }
  assertEquals(await checkpointsIn(path), [["best", NaN], ["last", 9]]);
  assertEquals(
    namesIn(path).map((name) => name.replace(/(tfevents).+/, "$1")),
    [
      ...[".lock", "checkpoints", "config.json"],
      ...["events.out.tfevents", "metrics.jsonl"],
    ],
  );
});

Deno.test("RunFolder.resume() goes on as if nothing had happened, and says each step once", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const [whole, killed] = [`${folder.path}/whole`, `${folder.path}/killed`];
  using undisturbed = await RunFolder.create(whole, CONFIG);
  await train(undisturbed);
  await beginAndStop(killed, { checkpointEvery: 2 });
  // A kill may leave half of a line, and half of a file.
  await Deno.writeTextFile(`${killed}/metrics.jsonl`, '{"type":"st', {
    append: true,
  });
  const parts = ["checkpoints/last.1", "config.json.2", "report.html.3"];
  for (const part of parts) {
    await Deno.writeTextFile(`${killed}/${part}.part`, "half");
  }
  using run = await RunFolder.resume(killed);
  assertEquals(run.state?.progress.step, 4);
  await train(run);
  const [a, b] = [await readRun(whole), await readRun(killed)];
  assertEquals(b.steps, a.steps);
  assertEquals(b.epochs.map((e) => e.loss), a.epochs.map((e) => e.loss));
  for (const name of ["last", "best"]) {
    const [x, y] = await Promise.all(
      [whole, killed].map((path) =>
        loadCheckpoint(`${path}/checkpoints/${name}`, { tensors: "all" })
      ),
    );
    assertEquals(y.tensors, x.tensors);
  }
  assertEquals(namesIn(`${killed}/checkpoints`), ["best", "last"]);
  assert(!namesIn(killed).some((name) => name.endsWith(".part")));
});

Deno.test("RunFolder records the steps up to a loss that is not a number, and keeps the state before it", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  {
    using run = await RunFolder.create(path, CONFIG, { checkpointEvery: 1 });
    const net = lenet({ classes: 2, imageSize: SIZE, seed: 3 });
    await assertRejects(
      () =>
        fit(net, data(12), {
          epochs: 3,
          optimizer: sgd({ learningRate: 1, weightDecay: 1e20 }),
          callbacks: [run.callbacks],
          checkpoints: run.checkpoints,
        }),
      TrainingError,
    );
    net.dispose();
  }
  const { steps } = await readRun(path);
  assertEquals(steps.at(-1)?.loss, null);
  assert(steps.at(-2)!.loss! > 0);
  using run = await RunFolder.resume(path);
  assert(run.state === undefined || run.state.progress.sums.loss < Infinity);
});

Deno.test("RunFolder goes on from the beginning where there is no checkpoint yet", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  (await RunFolder.create(path, CONFIG))[Symbol.dispose]();
  await Deno.remove(`${path}/metrics.jsonl`);
  using run = await RunFolder.resume(path);
  assertEquals(run.state, undefined);
  assertEquals((await train(run)).steps, 9);
});

Deno.test("RunFolder keeps as many checkpoints as asked for, and goes on from an older one if the last is gone", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  {
    const options = { checkpointEvery: 1, keepCheckpoints: 3 };
    using run = await RunFolder.create(path, CONFIG, options);
    await train(run);
  }
  assertEquals(await checkpointsIn(path), [
    ["best", NaN],
    ["last", 9],
    ["step-00000007", 7],
    ["step-00000008", 8],
  ]);
  await Deno.remove(`${path}/checkpoints/last`);
  using run = await RunFolder.resume(path);
  assertEquals(run.state?.progress.step, 8);
});

Deno.test("RunFolder keeps the weights of the best epoch as best, and not those of a part of one", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  using run = await RunFolder.create(path, CONFIG);
  const accuracies = [0.5, 0.75, 0.75, 1];
  const saved: (number | undefined)[] = [];
  const net = lenet({ classes: 2, imageSize: SIZE });
  const training = { net, optimizer: sgd(), stop() {} };
  for (const [i, testAccuracy] of accuracies.entries()) {
    const epoch = { ...EPOCH, testAccuracy, isPartial: i === 3, epoch: i + 1 };
    await run.callbacks.onEpochEnd!(epoch, training);
    const { mtime } = await Deno.stat(`${path}/checkpoints/best`);
    saved.push(mtime?.getTime());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert(saved[1]! > saved[0]!, "a better epoch");
  assertEquals([saved[2], saved[3]], [saved[1], saved[1]]);
  net.dispose();
});

// What a resumed run purges begins with the number of steps that are done.
for (const [isPartial, step] of [[false, 7], [true, 8]] as const) {
  Deno.test({
    name:
      `RunFolder tells TensorBoard of an epoch at step ${step} of 8 where isPartial is ${isPartial}${
        PROTOC_OBSTACLE ? ` (ignored, ${PROTOC_OBSTACLE})` : ""
      }`,
    ignore: PROTOC_OBSTACLE !== undefined,
    async fn() {
      await use("cpu");
      await using folder = await makeFolder();
      const { path } = folder;
      const net = lenet({ classes: 2, imageSize: SIZE });
      const training = { net, optimizer: sgd(), stop() {} };
      {
        using run = await RunFolder.create(path, CONFIG);
        await run.callbacks.onEpochEnd!({ ...EPOCH, isPartial }, training);
      }
      const file = namesIn(path).find((name) => name.startsWith("events"));
      const records = readRecords(await Deno.readFile(`${path}/${file}`));
      const events = await Promise.all(records.map(decodeEvent));
      const told = events.filter((event) => event.includes("tag:"));
      // Five numbers and the filters.
      assertEquals(told.length, 6);
      for (const event of told) assertStringIncludes(event, ` step: ${step} `);
      net.dispose();
      assertEquals(tf.memory().numTensors, 0);
    },
  });
}

Deno.test("RunFolder is for one process, one run and its own network", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/run`;
  {
    using _run = await RunFolder.create(path, CONFIG);
    await assertRejects(
      () => RunFolder.resume(path),
      DataError,
      "another process is training in it",
    );
  }
  await assertRejects(
    () => RunFolder.create(path, CONFIG),
    DataError,
    `go on with it by \`train --resume ${path}\``,
  );
  await beginAndStop(`${folder.path}/other`);
  const file = "checkpoints/last";
  await Deno.copyFile(`${folder.path}/other/${file}`, `${path}/${file}`);
  const model = { ...CONFIG.model, imageSize: 14 };
  await Deno.writeTextFile(
    `${path}/config.json`,
    JSON.stringify({ ...CONFIG, model }),
  );
  await assertRejects(
    () => RunFolder.resume(path),
    DataError,
    "it is lenet for 2 classes and 12x12 images, and config.json says lenet for 2 classes and 14x14 images",
  );
});

Deno.test("RunFolder.remove() takes away what it made, and nothing else", async () => {
  await using folder = await makeFolder();
  const [own, shared] = [`${folder.path}/own`, `${folder.path}/shared`];
  await Deno.mkdir(`${shared}/checkpoints`, { recursive: true });
  const others = ["events.out.tfevents.1.mine", "notes.txt"];
  for (const name of others) {
    await Deno.writeTextFile(`${shared}/${name}`, "mine");
  }
  for (const path of [own, shared]) {
    using run = await RunFolder.create(path, CONFIG);
    await run.remove();
  }
  assertEquals(namesIn(folder.path), ["shared"]);
  assertEquals(namesIn(shared), others);
});

for (const name of ["metrics.jsonl", "checkpoints/step-00000004"]) {
  Deno.test(`RunFolder.create() begins no run beside ${name}, which it leaves alone`, async () => {
    await using folder = await makeFolder();
    const path = `${folder.path}/run`;
    await Deno.mkdir(`${path}/checkpoints`, { recursive: true });
    await Deno.writeTextFile(`${path}/${name}`, "mine");
    await assertRejects(
      () => RunFolder.create(path, CONFIG),
      DataError,
      "Cannot begin a run in",
    );
    assertEquals(await Deno.readTextFile(`${path}/${name}`), "mine");
  });
}

for (
  const [what, file, content, message] of [
    ["no JSON", "config.json", "{", "config.json: "],
    ["another format", "config.json", '{"format":2}', "config.json: format: "],
    ["a checkpoint that is none", "checkpoints/last", "PNG", "last"],
  ] as const
) {
  Deno.test(`RunFolder.resume() refuses ${what} in one line`, async () => {
    await using folder = await makeFolder();
    const path = `${folder.path}/run`;
    (await RunFolder.create(path, CONFIG))[Symbol.dispose]();
    await Deno.writeTextFile(`${path}/${file}`, content);
    const error = await assertRejects(() => RunFolder.resume(path), DataError);
    assert(error.message.includes(message), error.message);
    assert(!error.message.includes("\n"), error.message);
    // It can be had again.
    await Deno.remove(`${path}/${file}`);
  });
}
