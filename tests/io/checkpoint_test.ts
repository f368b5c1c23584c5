/** Tests of checkpoints: what is saved is what is restored, and nothing is left of what fails. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { DataError, ShapeError } from "../../src/errors.ts";
import {
  loadCheckpoint,
  type ModelConfig,
  restoreWeights,
  saveCheckpoint,
  writeCheckpoint,
} from "../../src/io/checkpoint.ts";
import { encodeSafetensors } from "../../src/io/safetensors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { read, use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { join } from "./safetensors_files.ts";

const CONFIG: ModelConfig = { model: "lenet", classes: 10, imageSize: 28 };

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`saveCheckpoint() keeps the predictions of a network on ${device}`, async () => {
    await use(device);
    await using folder = await makeFolder();
    const path = `${folder.path}/net.safetensors`;
    const [saved, other] = [lenet({ seed: 1 }), lenet({ seed: 2 })];
    const predict = (net: typeof saved) =>
      read(() => [net.predict(tf.tensor4d(numbers(1568), [2, 28, 28, 1]))]);
    const before = tf.memory().numTensors;
    const expected = await predict(saved);
    assertNotEquals(await predict(other), expected);
    await saveCheckpoint(path, saved, CONFIG);
    const checkpoint = await loadCheckpoint(path);
    assertEquals([checkpoint.config, checkpoint.path], [CONFIG, path]);
    assertEquals([...checkpoint.tensors.keys()], saved.weightNames());
    restoreWeights(other, checkpoint);
    assertEquals(await predict(other), expected);
    assertEquals(tf.memory().numTensors, before);
    assertEquals(namesIn(folder.path), ["net.safetensors"]);
    [saved, other].forEach((net) => net.dispose());
  });
}

Deno.test("saveCheckpoint() replaces an older file", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  await Deno.writeTextFile(path, "old".repeat(1e6));
  const net = lenet();
  await saveCheckpoint(path, net, CONFIG);
  await loadCheckpoint(path);
  net.dispose();
});

Deno.test("saveCheckpoint() leaves nothing behind where it cannot write", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/net.safetensors`);
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const net = lenet();
  const places = [
    "missing/net.safetensors",
    "file/net.safetensors",
    "net.safetensors",
  ];
  for (const place of places) {
    const path = `${folder.path}/${place}`;
    const error = await assertRejects(
      () => saveCheckpoint(path, net, CONFIG),
      DataError,
      `Cannot write ${path}: `,
    );
    assertEquals(error.path, path);
    assertEquals(error.message.includes("\n"), false);
    assertEquals(namesIn(folder.path), ["file", "net.safetensors"]);
  }
  net.dispose();
});

Deno.test("loadCheckpoint() refuses files that it did not write, in one line", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const weights = new Map([["w", { shape: [1], values: new Float32Array(1) }]]);
  const file = (metadata: Record<string, string>) =>
    join(encodeSafetensors({ tensors: weights, metadata }));
  const described = (config: unknown) =>
    file({ format: "@x/alexnet", config: JSON.stringify(config) });
  const contents: [content: Uint8Array | undefined, message: string][] = [
    [undefined, `Cannot read ${path}: `],
    [
      new TextEncoder().encode("hello, this is text"),
      "not a safetensors file",
    ],
    [file({ format: "pt" }), "it was not written by `train --save`"],
    [file({}), "it was not written by `train --save`"],
    [
      file({ format: "@x/alexnet" }),
      "in its header, its description of the network is damaged",
    ],
    [
      file({ format: "@x/alexnet", config: "{" }),
      "its description of the network is damaged",
    ],
    [described(null), "its description of the network is damaged"],
    [described([]), "its description of the network is damaged"],
    [
      described({ ...CONFIG, model: "vgg" }),
      "its network is not one of alexnet, lenet",
    ],
    [
      described({ ...CONFIG, model: "__proto__" }),
      "its network is not one of alexnet, lenet",
    ],
    [
      described({ ...CONFIG, classes: 1 }),
      "it describes an impossible network",
    ],
    [described({ ...CONFIG, classes: 1e9 }), "no number from 1 to 100000"],
    [described({ ...CONFIG, classes: "10" }), "no number from 1 to 100000"],
    [described({ ...CONFIG, imageSize: 2.5 }), "no number from 1 to 4096"],
    [described({ ...CONFIG, imageSize: 5000 }), "no number from 1 to 4096"],
    [
      described({ ...CONFIG, imageSize: 11 }),
      "it describes an impossible network",
    ],
    [described(CONFIG), "it has no tensor conv2d_1.kernel"],
  ];
  for (const [content, message] of contents) {
    if (content) await Deno.writeFile(path, content);
    const error = await assertRejects(
      () => loadCheckpoint(path),
      DataError,
      message,
    );
    assertEquals(error.path, path);
    assertEquals(error.message.includes("\n"), false);
  }
});

Deno.test("loadCheckpoint() refuses a file that was cut off", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const net = lenet();
  await saveCheckpoint(path, net, CONFIG);
  const { size } = await Deno.stat(path);
  for (const length of [0, 4, 100, size - 1]) {
    await Deno.truncate(path, length);
    await assertRejects(() => loadCheckpoint(path), DataError, "truncated");
    await saveCheckpoint(path, net, CONFIG);
  }
  net.dispose();
});

Deno.test("loadCheckpoint() refuses weights of another network before it reads them", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  await use("cpu");
  const net = lenet({ classes: 5 });
  await saveCheckpoint(path, net, { ...CONFIG, classes: 5 });
  net.dispose();
  const { tensors } = await loadCheckpoint(path);
  // As an older version could write it.
  const metadata = { format: "@x/alexnet", config: JSON.stringify(CONFIG) };
  await Deno.writeFile(path, join(encodeSafetensors({ tensors, metadata })));
  const { message } = await assertRejects(
    () => loadCheckpoint(path),
    DataError,
  );
  assertEquals(
    message,
    `Cannot use ${path}: its tensor dense_3.kernel has shape [84,5], and ` +
      "lenet for 10 classes and 28x28 images has one of [84,10]: it holds another network",
  );
});

Deno.test("loadCheckpoint() reads what training keeps beside the weights only when it is asked to", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  await use("cpu");
  const net = lenet();
  await saveCheckpoint(path, net, CONFIG);
  const saved = await loadCheckpoint(path);
  const scale = { shape: [], values: new Float32Array([1024]) };
  const tensors = new Map([["lossScale", scale], ...saved.tensors]);
  await writeCheckpoint(path, { config: CONFIG, tensors });
  const [weights, all] = [
    await loadCheckpoint(path),
    await loadCheckpoint(path, { tensors: "all" }),
  ];
  assertEquals([...weights.tensors.keys()], net.weightNames());
  assertEquals(all.tensors, tensors);
  restoreWeights(net, all);
  net.dispose();
});

Deno.test("restoreWeights() changes nothing when the network is another", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const net = lenet({ seed: 1 });
  await saveCheckpoint(path, net, CONFIG);
  const checkpoint = await loadCheckpoint(path);
  const other = lenet({ seed: 2, classes: 5 });
  const weightsOf = () =>
    read(() => other.getWeights().map((w) => tf.clone(w)));
  const before = await weightsOf();
  assertThrows(() => restoreWeights(other, checkpoint), ShapeError);
  const tensors = new Map(checkpoint.tensors);
  assert(tensors.delete("conv2d_1.bias"));
  assertThrows(
    () => restoreWeights(other, { ...checkpoint, tensors }),
    DataError,
    "it has no weight conv2d_1.bias",
  );
  assertEquals(await weightsOf(), before);
  [net, other].forEach((network) => network.dispose());
});
