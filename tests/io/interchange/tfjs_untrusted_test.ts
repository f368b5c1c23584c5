/** Tests of models in TensorFlow.js's layers format of which nothing may be believed. */

import { assert, assertRejects } from "@std/assert";
import { dirname } from "node:path";
import { DataError } from "../../../src/errors.ts";
import { importModel } from "../../../src/io/interchange/interchange.ts";
import { makeFolder } from "../../data/folder.ts";
import { changedModel, type Model } from "./changed_model.ts";

const layer = (model: Model, i: number) =>
  model.modelTopology.config.layers[i].config;
const weight = (model: Model, i = 0) => model.weightsManifest[0].weights[i];
const BAD: [what: string, (model: Model) => unknown, reason: string][] = [
  ["a graph", (m) => m.format = "graph-model", 'its format is "graph-model"'],
  ["no topology", (m) => delete m.modelTopology, "it is no model.json"],
  [
    "a model that is no list",
    (m) => m.modelTopology.class_name = "Functional",
    "its modelTopology is no model of class Sequential",
  ],
  [
    "no layers",
    (m) => m.modelTopology.config.layers = [],
    "its modelTopology has no list of layers",
  ],
  [
    "a layer of null",
    (m) => m.modelTopology.config.layers[3] = null,
    "its modelTopology has no list of layers",
  ],
  [
    "an unknown layer",
    (m) => m.modelTopology.config.layers[1].class_name = "LSTM\u001b[2J",
    "its layer average_pool2d_1 cannot be used: its class is LSTM?[2J",
  ],
  [
    "another activation",
    (m) => layer(m, 0).activation = "relu",
    'computes something else: step 2 is {"kind":"relu"}, not {"kind":"sigmoid"}',
  ],
  [
    "an unknown activation",
    (m) => layer(m, 0).activation = "__proto__",
    "its layer conv2d_1 cannot be used: its activation is __proto__",
  ],
  [
    "a softmax in the middle",
    (m) => layer(m, 5).activation = "softmax",
    "computes something else: step 9 is softmax",
  ],
  [
    "another padding",
    (m) => layer(m, 1).padding = "same",
    "computes something else: step 3 is",
  ],
  [
    "filters without end",
    (m) => layer(m, 0).filters = 1e300,
    "computes something else: step 1 is",
  ],
  [
    "filters that are text",
    (m) => layer(m, 0).filters = "6\n".repeat(1000),
    "its layer conv2d_1 cannot be used: Cannot use filters",
  ],
  [
    "a window that is no window",
    (m) => layer(m, 0).kernel_size = { length: 1e9 },
    "it has a size that is not two numbers",
  ],
  ["dilation", (m) => layer(m, 0).dilation_rate = [2, 2], "has dilation or"],
  ["no bias", (m) => layer(m, 0).use_bias = false, "it has no bias"],
  [
    "channels first",
    (m) => layer(m, 0).data_format = "channels_first",
    "not channels_last",
  ],
  [
    "a layer less",
    (m) => m.modelTopology.config.layers.splice(3, 1),
    "computes something else: step 6 is",
  ],
  [
    "a layer with weights less",
    (m) => m.modelTopology.config.layers.pop(),
    "as lenet, it has 4 layers with weights, not 5",
  ],
  [
    "images of no size",
    (m) => layer(m, 0).batch_input_shape = [null, -1, 0.5, 1],
    "its first layer has no batch_input_shape",
  ],
  [
    "images that are not square",
    (m) => layer(m, 0).batch_input_shape = [null, 28, 29, 1],
    "it takes images of [28,29,1], and lenet of [28,28,1]",
  ],
  [
    "images of another size",
    (m) => layer(m, 0).batch_input_shape = [null, 2 ** 50, 2 ** 50, 1],
    "it does not have the weights of alexnet or lenet",
  ],
  ["no weights", (m) => delete m.weightsManifest, "weightsManifest is no list"],
  ["a group of null", (m) => m.weightsManifest = [null], "has no paths or"],
  [
    "a weight of null",
    (m) => m.weightsManifest[0].weights[2] = null,
    "its weightsManifest has a weight without a name",
  ],
  [
    "another type",
    (m) => weight(m).dtype = "float16",
    "its weight conv2d_1/kernel is not stored as float32",
  ],
  [
    "quantization",
    (m) => weight(m).quantization = { dtype: "uint8" },
    "convert it without quantization",
  ],
  [
    "a shape without end",
    (m) => weight(m).shape = [2 ** 40, 2 ** 40],
    "its weight conv2d_1/kernel has a shape that is not",
  ],
  [
    "a shape that is too large for its file",
    (m) => weight(m).shape = [2 ** 40],
    "and their files 246824: damaged, or truncated",
  ],
  ["a shape of text", (m) => weight(m).shape = ["150"], "has a shape that is"],
  [
    "a weight of another shape",
    (m) => weight(m).shape = [150],
    "its tensor conv2d_1/kernel has shape [150], not [5,5,1,6]",
  ],
  [
    "two weights of one name",
    (m) => weight(m, 1).name = weight(m).name,
    "it has weight conv2d_1/kernel twice",
  ],
  [
    "a weight of another name",
    (m) => weight(m).name = "conv2d_9/kernel",
    "it has no tensor conv2d_1/kernel",
  ],
  [
    "files that do not exist",
    (m) => m.weightsManifest[0].paths = ["missing.bin"],
    "missing.bin: No such file or directory",
  ],
  [
    "a file listed twice",
    (m) => m.weightsManifest[0].paths.push(m.weightsManifest[0].paths[0]),
    "it lists file group1-shard1of1.bin of weights twice",
  ],
  [
    "a file listed by two groups",
    (m) => m.weightsManifest.push({ ...m.weightsManifest[0], weights: [] }),
    "it lists file group1-shard1of1.bin of weights twice",
  ],
  ...[
    "../x.bin",
    "/dev/zero",
    "..",
    ".",
    "",
    "a/b",
    "file:///x",
    "a\\b",
    7,
    null,
  ]
    .map((name): typeof BAD[number] => [
      `weights in ${JSON.stringify(name)}`,
      (m) => m.weightsManifest[0].paths = [name],
      "which is no plain name of a file beside it",
    ]),
];

/** Checks that a model is refused in one line that says where and why. */
async function assertRefused(path: string, reason: string): Promise<void> {
  const { message } = await assertRejects(
    () => importModel(path, { format: "tfjs" }),
    DataError,
    reason,
  );
  assert(message.includes(dirname(path)), message);
  assert(!/\p{Cc}/u.test(message) && message.length < 600, message);
}

for (const [what, change, reason] of BAD) {
  Deno.test(`importModel() refuses a model.json with ${what}`, async () => {
    await using folder = await makeFolder();
    await assertRefused(await changedModel(folder, change), reason);
  });
}

Deno.test("importModel() refuses a model.json that is something else", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/model.json`;
  await assertRefused(path, "No such file");
  const texts = { "{": "it is not JSON", "": "it is not JSON" };
  const values = { null: "no model.json", "[]": "no model.json" };
  for (const [text, reason] of Object.entries({ ...texts, ...values })) {
    await Deno.writeTextFile(path, text);
    await assertRefused(path, reason);
  }
  await Deno.truncate(path, 2 ** 40);
  await assertRefused(path, "it has 1099511627776 bytes, and at most 16777216");
});

Deno.test("importModel() refuses weights that are cut off, and links that lead out of the folder", async () => {
  await using folder = await makeFolder();
  const path = await changedModel(folder);
  const shard = path.replace("model.json", "group1-shard1of1.bin");
  for (const length of [246823, 4, 0]) {
    await Deno.truncate(shard, length);
    await assertRefused(
      path,
      `${path}: its weights have 246824 bytes, and their files ${length}`,
    );
  }
  await Deno.rename(shard, `${folder.path}/elsewhere`);
  await Deno.symlink(`${folder.path}/elsewhere`, shard);
  await assertRefused(
    path,
    "group1-shard1of1.bin lead out of its folder",
  );
});
