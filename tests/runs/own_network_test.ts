/**
 * Tests of runs of a network and of data that are the user's own: they go on, every command says of them what the program says,
 * and what could not be loaded again is refused before the first step.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { encodePng } from "../../src/io/contact_sheet.ts";
import { DataLoader } from "../../src/data/loader/data_loader.ts";
import { imageFolder } from "../../src/data/pictures/image_folder.ts";
import {
  compose,
  normalize,
  resize,
  toTensor,
} from "../../src/data/transforms/mod.ts";
import { AlexNetError, DataError } from "../../src/errors.ts";
import { loadModel } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import {
  conv2d,
  dense,
  flatten,
  type Layer,
  maxPool2d,
  Sequential,
} from "../../src/nn/mod.ts";
import { adam } from "../../src/optim/adam.ts";
import { writeReport } from "../../src/report/write_report.ts";
import type { RunConfig } from "../../src/runs/records.ts";
import { RunFolder } from "../../src/runs/run_folder.ts";
import { fit } from "../../src/train/fit.ts";
import { evaluatePredictions } from "../../src/train/predictions.ts";
import { assertOneLineError, runMain } from "../cli/program.ts";
import { makeFolder } from "../data/folder.ts";
import { use } from "../device.ts";
import { numbers } from "../numbers.ts";

const CLASS_NAMES = ["green", "red"];

const CONFIG: RunConfig = {
  format: 1,
  started: "2026-11-29T12:00:00.000Z",
  versions: {},
  device: "CPU",
  system: "linux x86_64",
  model: { model: "own", classes: 2, imageSize: 12, channels: 3 },
  recipe: { epochs: 4 },
  data: {
    source: "own",
    classNames: CLASS_NAMES,
    trainSamples: 12,
    testSamples: 12,
    sha256: {},
    transforms: [],
  },
};

function layers(): Layer[] {
  return [
    conv2d({ filters: 4, kernelSize: 3, activation: "relu" }),
    maxPool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 2 }),
  ];
}

const makeNet = (of = layers()) =>
  new Sequential({ inputShape: [12, 16, 3], layers: of, seed: 1 });

/** Writes pictures of 24x32 pixels: noise, and more of one colour than of the others. */
async function makePictures(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const [label, name] of CLASS_NAMES.entries()) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    for (let i = 0; i < 6; i++) {
      const noise = numbers(24 * 32 * 3, [0, 150], 1 + i + 10 * label);
      const data = Uint8Array.from(
        noise,
        (value, k) => value + (k % 3 === 1 - label ? 90 : 0),
      );
      paths.push(`${folder}/${name}/${i}.png`);
      const png = encodePng({ width: 32, height: 24, data });
      await Deno.writeFile(paths.at(-1)!, png);
    }
  }
  return paths;
}

async function loaderOf(folder: string): Promise<DataLoader> {
  const transform = compose([
    resize([12, 16]),
    toTensor(),
    normalize({ mean: [0.4, 0.4, 0.3], std: 0.25 }),
  ]);
  const dataset = await imageFolder(folder);
  return new DataLoader(dataset, { batchSize: 4, transform, workers: 0 });
}

async function train(
  run: RunFolder,
  { net = makeNet(), data, epochs }: {
    net?: Sequential;
    data: DataLoader;
    epochs: number;
  },
) {
  const optimizer = adam({ learningRate: 0.01 });
  try {
    return await fit(net, data, {
      ...{ epochs, optimizer, validation: data, resume: run.state },
      ...{ callbacks: [run.callbacks], checkpoints: run.checkpoints },
    });
  } finally {
    optimizer.dispose();
    net.dispose();
  }
}

Deno.test("a run of an own network on own pictures goes on, and predict, report, export and evaluate know what it is", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const [path, pictures] = [`${folder.path}/run`, `${folder.path}/pictures`];
  const files = await makePictures(pictures);
  const data = await loaderOf(pictures);
  {
    using run = await RunFolder.create(path, CONFIG);
    await train(run, { data, epochs: 2 });
  }
  {
    using run = await RunFolder.resume(path);
    const other = [...layers().slice(0, 3), dense({ units: 2 })];
    other[1] = maxPool2d({ poolSize: 2, padding: "same" });
    const net = makeNet([
      conv2d({ filters: 4, kernelSize: 3 }),
      ...other.slice(1),
    ]);
    await assertRejects(
      () => train(run, { net, data, epochs: 8 }),
      DataError,
      "the run began with other layers than this network has",
    );
    const { epochs } = await train(run, { data, epochs: 8 });
    assertEquals(epochs.map(({ epoch }) => epoch), [1, 2, 3, 4, 5, 6, 7, 8]);
  }
  const { net, classNames } = await loadModel(`${path}/checkpoints/best`);
  assertEquals(classNames, CLASS_NAMES);
  const { predicted, probabilities, accuracy } = await evaluatePredictions(
    net,
    data,
  );
  net.dispose();
  assertEquals(accuracy, 1);
  const args = ["predict", path, ...files, "--json", "--device", "cpu"];
  const { stdout, stderr } = await runMain(args);
  assertEquals(stderr, "");
  for (const [i, line] of stdout.trimEnd().split("\n").entries()) {
    const [best] = JSON.parse(line).predictions;
    assertEquals(best.class, CLASS_NAMES[predicted[i]]);
    assert(Math.abs(best.probability - probabilities[i]) < 1e-5, line);
  }

  const page = await Deno.readTextFile(await writeReport(path));
  for (const text of ["A network on its own data", "green, red", "conv2d_1"]) {
    assertStringIncludes(page, text);
  }
  assert(!page.includes("lecture") && !page.includes("undefined"));
  const output = `${folder.path}/net.onnx`;
  const exported = await runMain([
    ...["export", path, "--format", "onnx", "--output", output],
  ]);
  assertMatch(exported.stdout, /a network of its own kind for 2 classes/);
  const evaluated = ["evaluate", path, "--source=sample", "--device=cpu"];
  assertOneLineError(await runMain(evaluated), {
    code: 1,
    message: /on data of 10 classes: .+ of the classes green, red/,
  });
});

Deno.test("RunFolder refuses before the first step what could not be loaded again", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  await makePictures(`${folder.path}/pictures`);
  const data = await loaderOf(`${folder.path}/pictures`);
  const [first, ...rest] = layers();
  const { config: _, ...nameless } = first;
  const named = { model: "lenet", classes: 2, imageSize: 28 } as const;
  const three = { ...CONFIG.data, classNames: ["a", "b", "c"] };
  const cases: [RunConfig, Sequential, string][] = [
    [CONFIG, makeNet([nameless, ...rest]), "Cannot keep layer conv2d_1"],
    [CONFIG, lenet({ classes: 2 }), "it is lenet for 2 classes"],
    [
      { ...CONFIG, model: { ...named, classes: 3 }, data: three },
      lenet({ classes: 2 }),
      "3 names for 2 classes",
    ],
    [
      { ...CONFIG, model: named },
      makeNet(),
      "it is a network of its own kind for 2 classes and images of 3 channels, and config.json says lenet for 2 classes",
    ],
  ];
  for (const [i, [config, net, reason]] of cases.entries()) {
    using run = await RunFolder.create(`${folder.path}/run${i}`, config);
    await assertRejects(
      () => train(run, { net, data, epochs: 1 }),
      AlexNetError,
      reason,
    );
    const metrics = await Deno.readTextFile(`${run.path}/metrics.jsonl`);
    assertEquals(metrics, "");
  }
});
