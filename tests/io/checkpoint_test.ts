/**
 * Tests of checkpoints: what is saved is what is restored, and nothing is left of what fails.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { tf } from "../../src/backend/tf.ts";
import { DataError, ShapeError } from "../../src/errors.ts";
import {
  loadCheckpoint,
  type ModelConfig,
  restoreWeights,
  saveCheckpoint,
} from "../../src/io/checkpoint.ts";
import { encodeSafetensors } from "../../src/io/safetensors.ts";
import { lenet } from "../../src/models/lenet.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { read, use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

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
  const foreign = encodeSafetensors({
    tensors: weights,
    metadata: { format: "pt" },
  });
  const contents: [content: Uint8Array[] | undefined, message: string][] = [
    [undefined, `Cannot read ${path}: `],
    [
      [new TextEncoder().encode("hello, this is text")],
      "not a safetensors file",
    ],
    [foreign, "it was not written by `train --save`"],
  ];
  for (const [content, message] of contents) {
    if (content) {
      await Deno.writeFile(path, await new Blob(content as BlobPart[]).bytes());
    }
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
  assert(tensors.delete("dense_3.bias"));
  assertThrows(
    () => restoreWeights(other, { ...checkpoint, tensors }),
    DataError,
    "it has no weight dense_3.bias",
  );
  assertEquals(await weightsOf(), before);
  [net, other].forEach((network) => network.dispose());
});
