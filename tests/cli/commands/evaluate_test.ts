/** Tests of what `evaluate` prints and refuses; train_test.ts has it measure a network. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import { saveCheckpoint } from "../../../src/io/checkpoint.ts";
import { lenet } from "../../../src/models/lenet.ts";
import { evaluate as evaluateNetwork } from "../../../src/train/evaluate.ts";
import { makeFolder } from "../../data/folder.ts";
import { use } from "../../device.ts";
import { assertOneLineError, CPU_DEVICE, runMain } from "../program.ts";

Deno.test("evaluate refuses a file that does not exist", async () => {
  assertOneLineError(await runMain(["evaluate", "/nonexistent/weights"]), {
    code: 1,
    message: /Cannot read \/nonexistent\/weights/,
  });
});

Deno.test("evaluate refuses a file that is no checkpoint", async () => {
  assertOneLineError(await runMain(["evaluate", "mod.ts"]), {
    code: 1,
    message: /Cannot read mod\.ts: .+not a safetensors file, or truncated/,
  });
});

Deno.test("evaluate refuses weights of another program", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/other.safetensors`;
  // The safetensors format: length of the header as u64 little endian, then the header as JSON.
  const header = new TextEncoder().encode('{"__metadata__":{"format":"pt"}}');
  await Deno.writeFile(
    path,
    Uint8Array.of(header.length, ...Array(7), ...header),
  );
  assertOneLineError(await runMain(["evaluate", path]), {
    code: 1,
    message: /other\.safetensors: it was not written by `train --save`/,
  });
});

Deno.test("evaluate refuses a network of other classes than the data has, and names it", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  for (const classes of [5, 12]) {
    const path = `${folder.path}/of_${classes}`;
    const net = lenet({ classes });
    await saveCheckpoint(path, net, { model: "lenet", classes, imageSize: 28 });
    net.dispose();
    assertOneLineError(await runMain(["evaluate", path, ...OPTIONS]), {
      code: 1,
      message: new RegExp(
        `of_${classes} on data of 10 classes: it is lenet for ${classes} classes`,
      ),
    });
  }
});

const CHECKPOINT = "tests/fixtures/lenet.safetensors";
const OPTIONS = ["--source=sample", "--test-samples=300", "--device=cpu"];

/** What `evaluate --json` prints. */
interface Evaluation {
  readonly model: string;
  readonly images: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly classes: readonly {
    readonly label: number;
    readonly class: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
  readonly confusionMatrix: readonly (readonly number[])[];
}

Deno.test("evaluate prints loss and accuracy, metrics of classes and the confusion matrix, or all of it as JSON", async () => {
  const text = await runMain(["evaluate", CHECKPOINT, ...OPTIONS]);
  const json = await runMain(["evaluate", CHECKPOINT, ...OPTIONS, "--json"]);
  assertEquals([text.code, text.stderr], [0, ""]);
  assertEquals([json.code, json.stderr], [0, ""]);
  assertEquals(json.stdout.split("\n").length, 2);
  const result: Evaluation = JSON.parse(json.stdout);
  const { loss, accuracy, classes, confusionMatrix } = result;
  assertEquals([result.model, result.images], ["lenet", 300]);
  const cells = confusionMatrix.flat();
  assertEquals([cells.length, classes.length], [100, 10]);
  assertEquals(cells.reduce((sum, count) => sum + count), 300);
  const hits = confusionMatrix.map((row, label) => row[label]);
  assert(Math.abs(accuracy - hits.reduce((a, b) => a + b) / 300) < 1e-9);

  const lines = text.stdout.trimEnd().split("\n");
  assertEquals(lines.slice(0, 3), [
    `device: ${CPU_DEVICE}`,
    `lenet, 300 test images, loss ${loss.toFixed(4)}, test acc ${
      accuracy.toFixed(3)
    }`,
    "",
  ]);
  assertMatch(lines[3], /^class +precision +recall +f1 +images$/);
  assertEquals(lines[14], "");
  assertMatch(lines[16], /^class +0 +1 +2 +3 +4 +5 +6 +7 +8 +9$/);
  assertEquals(lines.length, 27);
  for (const [i, metrics] of classes.entries()) {
    const { precision, recall, f1, support } = metrics;
    const name = `${i} ${metrics.class}`;
    const shares = [precision, recall, f1].map((share) => share.toFixed(3));
    assertEquals(lines[4 + i].split(/ {2,}/), [name, ...shares, `${support}`]);
    const counts = confusionMatrix[i].map(String);
    assertEquals(lines[17 + i].split(/ {2,}/), [name, ...counts]);
  }
});

Deno.test("evaluate gives a network that names no classes and no transform the images in its own size, with a warning", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net`;
  const net = lenet({ imageSize: 32, seed: 1 });
  await saveCheckpoint(path, net, {
    model: "lenet",
    classes: 10,
    imageSize: 32,
  });
  const { test } = await loadFashionMnist({
    ...{ source: "sample", testSamples: 40, resize: 32 },
  });
  const { loss, accuracy } = await evaluateNetwork(net, test);
  net.dispose();
  const { stdout, stderr } = await runMain([
    ...["evaluate", path, "--json", "--source=sample", "--test-samples=40"],
    "--device=cpu",
  ]);
  assertMatch(stderr, /^warning: .+net does not say its classes/);
  const result: Evaluation = JSON.parse(stdout);
  assertEquals(result.accuracy, accuracy);
  assert(Math.abs(result.loss - loss) < 1e-5, `${result.loss} ${loss}`);
});
