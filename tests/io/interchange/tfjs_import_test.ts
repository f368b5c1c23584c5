/** Tests of TensorFlow.js's layers format: folders that are written whole, and models of other programs that are read. */

import { assertEquals, assertRejects } from "@std/assert";
import * as tfl from "@tensorflow/tfjs-layers";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { DataError } from "../../../src/errors.ts";
import {
  exportModel,
  importModel,
} from "../../../src/io/interchange/interchange.ts";
import { assertClose } from "../../compare.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import { read, use } from "../../device.ts";
import { changedModel } from "./changed_model.ts";
import { LENET, ourLogits, seededCheckpoint, testImages } from "./seeded.ts";

const FORMAT = { format: "tfjs" } as const;

Deno.test("exportModel() writes a new or empty folder whole, or nothing", async () => {
  await using folder = await makeFolder();
  const path = await changedModel(folder);
  const output = path.slice(0, path.lastIndexOf("/"));
  assertEquals(namesIn(output), ["group1-shard1of1.bin", "model.json"]);
  for (const place of [output, path, `${folder.path}/no/where`]) {
    await assertRejects(
      () => exportModel(seededCheckpoint(LENET), { ...FORMAT, output: place }),
      DataError,
      `Cannot write folder ${place}: `,
    );
  }
  assertEquals(namesIn(folder.path).length, 1);
  const empty = `${folder.path}/empty`;
  await Deno.mkdir(empty);
  await exportModel(seededCheckpoint(LENET), { ...FORMAT, output: empty });
  assertEquals(namesIn(empty), namesIn(output));
});

Deno.test("importModel() reads weights from files that are cut anywhere", async () => {
  await using folder = await makeFolder();
  const path = await changedModel(folder, (model) => {
    model.weightsManifest[0].paths = ["a.bin", "b.bin", "c.bin"];
  });
  const place = (name: string) => new URL(name, `file://${path}`);
  const bytes = await Deno.readFile(place("group1-shard1of1.bin"));
  const parts = { "a.bin": [0, 602], "b.bin": [602, 602], "c.bin": [602] };
  for (const [name, range] of Object.entries(parts)) {
    await Deno.writeFile(place(name), bytes.slice(...range));
  }
  assertEquals(await importModel(path, FORMAT), {
    ...seededCheckpoint(LENET),
    path,
  });
});

Deno.test("importModel() reads what TensorFlow.js itself saves, whatever its names and with a softmax", async () => {
  await using folder = await makeFolder();
  await use("cpu");
  const { conv2d, averagePooling2d, activation, dense, flatten, dropout } =
    tfl.layers;
  const model = tfl.sequential({
    layers: [
      conv2d({
        inputShape: [30, 30, 1],
        filters: 6,
        kernelSize: 5,
        padding: "same",
      }),
      activation({ activation: "sigmoid" }),
      averagePooling2d({ poolSize: 2 }),
      conv2d({ filters: 16, kernelSize: 5, activation: "sigmoid" }),
      averagePooling2d({ poolSize: [2, 2], strides: [2, 2] }),
      flatten(),
      dense({ units: 120, activation: "sigmoid" }),
      dropout({ rate: 0.2 }),
      dense({ units: 84, activation: "sigmoid", name: "any_name" }),
      dense({ units: 4, activation: "softmax" }),
    ],
  });
  await model.save({
    async save({ modelTopology, weightSpecs, weightData }) {
      const weightsManifest = [{ paths: ["w.bin"], weights: weightSpecs }];
      await Deno.writeFile(
        `${folder.path}/w.bin`,
        new Uint8Array(weightData as ArrayBuffer),
      );
      await Deno.writeTextFile(
        `${folder.path}/model.json`,
        JSON.stringify({ modelTopology, weightsManifest }),
      );
      return {
        modelArtifactsInfo: {
          dateSaved: new Date(0),
          modelTopologyType: "JSON",
        },
      };
    },
  });
  const images = await testImages(30);
  const [expected] = await read(() => [
    model.predict(tf.tensor(images, [64, 30, 30, 1])) as Tensor,
  ]);
  model.dispose();
  const checkpoint = await importModel(folder.path, FORMAT);
  assertEquals(checkpoint.config, {
    model: "lenet",
    classes: 4,
    imageSize: 30,
  });
  const logits = await ourLogits(checkpoint, images);
  const [ours] = await read(() => [tf.softmax(tf.tensor(logits, [64, 4]))]);
  assertClose(ours, expected, { absolute: 1e-5 });
});

Deno.test("importModel() reads activations that are layers if they compute what those of here do", async () => {
  await using folder = await makeFolder();
  const withLayers = (relu: object, softmax: object) =>
    changedModel(folder, ({ modelTopology: { config } }) => {
      config.layers.push({
        class_name: "Softmax",
        config: { name: "probabilities", ...softmax },
      });
      config.layers.splice(1, 0, {
        class_name: "ReLU",
        config: { name: "relu_1", ...relu },
      });
    });
  const KERAS = { max_value: null, negative_slope: 0, threshold: 0 };
  const cases: [relu: object, softmax: object, message: string][] = [
    [{ ...KERAS, max_value: 6 }, {}, "relu_1 cannot be used: its max_value"],
    [{ negative_slope: 0.1 }, {}, "relu_1 cannot be used: its negative_slope"],
    [{ threshold: 1 }, {}, "relu_1 cannot be used: its threshold is not 0"],
    [{}, { axis: 0 }, "probabilities cannot be used: its axis is not -1"],
    [{}, { axis: [1] }, "probabilities cannot be used: its axis is not -1"],
    // These are read, and are no LeNet's.
    [{}, {}, 'step 3 is {"kind":"relu"}'],
    [KERAS, { axis: -1 }, 'step 3 is {"kind":"relu"}'],
  ];
  for (const [relu, softmax, message] of cases) {
    const path = await withLayers(relu, softmax);
    await assertRejects(() => importModel(path, FORMAT), DataError, message);
  }
});
