/** Tests of what `predict` prints and refuses; fixtures_test.ts has it compared with the evaluation. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodePng } from "../../../src/io/contact_sheet.ts";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import { encodeIdx } from "../../../src/data/idx.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import {
  loadCheckpoint,
  saveCheckpoint,
  saveModel,
} from "../../../src/io/checkpoint.ts";
import { alexnet } from "../../../src/models/alexnet.ts";
import { lenet } from "../../../src/models/lenet.ts";
import { type Tensor4D, tf } from "../../../src/device/tf.ts";
import { evaluatePredictions } from "../../../src/train/predictions.ts";
import { makeFolder } from "../../data/folder.ts";
import { use } from "../../device.ts";
import { oldFileOfProgram } from "../../io/old_file.ts";
import { assertOneLineError, CPU_DEVICE, runMain } from "../program.ts";

const CHECKPOINT = "tests/fixtures/lenet.safetensors";
const PICTURES = "tests/fixtures/pictures";
const BOOT = `${PICTURES}/9_ankle_boot.png`;
const BAG = `${PICTURES}/8_bag_color.png`;
const DRESS = `${PICTURES}/3_dress.jpg`;
const TEST_IMAGES = "data/sample/t10k-images-idx3-ubyte.gz";

function predict(...args: string[]) {
  return runMain(["predict", CHECKPOINT, "--device", "cpu", ...args]);
}

Deno.test("predict prints a table of several files of several kinds", async () => {
  const { code, stdout, stderr } = await predict(
    ...[BOOT, TEST_IMAGES, DRESS, "--count", "2"],
  );
  assertEquals([code, stderr], [0, ""]);
  const [device, head, ...rows] = stdout.trimEnd().split("\n");
  assertEquals(device, `device: ${CPU_DEVICE}`);
  assertMatch(head, /^image +1\. +2\. +3\.$/);
  const names = [BOOT, `${TEST_IMAGES}[0]`, `${TEST_IMAGES}[1]`, DRESS];
  const best = ["ankle boot", "ankle boot", "pullover", "dress"];
  assertEquals(rows.length, names.length);
  for (const [i, row] of rows.entries()) {
    const cells = row.split(/ {2,}/);
    assertEquals(cells[0], names[i]);
    assertMatch(cells[1], new RegExp(`^[01]\\.\\d{3} ${best[i]}$`));
    assertEquals(cells.length, 4);
    // Columns are aligned.
    for (const number of ["1.", "2.", "3."]) {
      assertMatch(row.slice(head.indexOf(number)), /^[01]\.\d{3} [a-z]/);
    }
  }
});

Deno.test("predict --json prints an object a line and nothing else", async () => {
  const { code, stdout, stderr } = await predict(
    ...["--json", BAG, TEST_IMAGES, "--count=1", "--top=2"],
  );
  assertEquals([code, stderr], [0, ""]);
  const [bag, boot] = stdout.trimEnd().split("\n").map((l) => JSON.parse(l));
  assertEquals(Object.keys(bag), ["image", "predictions"]);
  assertEquals([bag.image, bag.predictions[0].class], [BAG, "bag"]);
  assertEquals(Object.keys(boot), ["image", "index", "predictions"]);
  assertEquals([boot.image, boot.index], [TEST_IMAGES, 0]);
  for (const { predictions } of [bag, boot]) {
    assertEquals(predictions.length, 2);
    const [first, second] = predictions;
    assertEquals(Object.keys(first), ["label", "class", "probability"]);
    assert(first.probability > second.probability);
  }
});

Deno.test("predict --top gives all classes at most, whose probabilities add up to 1", async () => {
  for (const top of [1, 10, 99]) {
    const { stdout } = await predict("--json", BOOT, `--top=${top}`);
    const { predictions } = JSON.parse(stdout);
    assertEquals(predictions.length, Math.min(top, 10));
    if (top === 1) continue;
    const sum = predictions.reduce(
      (sum: number, { probability }: { probability: number }) =>
        sum + probability,
      0,
    );
    assert(Math.abs(sum - 1) < 1e-5, `${sum}`);
  }
});

Deno.test("predict --quiet prints rows only, whatever the batch size", async () => {
  const files = [BOOT, BAG, DRESS];
  const options = ["--quiet", "--top=1", ...files];
  const outcome = await predict("--batch-size=1", ...options);
  assertEquals(
    outcome.stdout.replaceAll(/[01]\.\d{3}/g, "P").split(/ {2,}|\n/),
    [BOOT, "P ankle boot", BAG, "P bag", DRESS, "P dress", ""],
  );
  for (const size of [2, 3]) {
    assertEquals(await predict(`--batch-size=${size}`, ...options), outcome);
  }
});

Deno.test("predict --invert is for what is dark on light", async () => {
  const picture = `${PICTURES}/1_trouser_photograph.jpg`;
  const args = ["--json", "--top=1", picture];
  const plain = await predict(...args);
  const inverted = await predict(...args, "--invert");
  assert(JSON.parse(plain.stdout).predictions[0].class !== "trouser");
  assertEquals(JSON.parse(inverted.stdout).predictions[0].class, "trouser");
});

Deno.test("predict reports files that it cannot read, each in a line, and classifies the others", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/page.png`, "<html>");
  const labels = `${path}/labels.gz`;
  const data = Uint8Array.of(1, 2);
  await Deno.writeFile(labels, encodeIdx({ shape: [2], data }));
  for (const format of [[], ["--json"]]) {
    const { code, stdout, stderr } = await predict(
      ...["--quiet", `${path}/page.png`, BOOT, `${path}/none.jpg`, path],
      ...[labels, DRESS, ...format],
    );
    assertEquals(code, 1);
    const found = stdout.trimEnd().split("\n");
    assertEquals(found.length, 2, stdout);
    assert(found[0].includes(BOOT) && found[1].includes(DRESS), stdout);
    const errors = stderr.trimEnd().split("\n");
    const expected = [
      /^error: Cannot read .+page\.png as an image \(it is neither PNG nor JPEG nor IDX\): /,
      /^error: Cannot read .+none\.jpg \(No such file or directory.+\): /,
      /^error: Cannot read .+ \(Is a directory.+\): /,
      /^error: Cannot use .+labels\.gz as images: .+ found \[2\]/,
    ];
    assertEquals(errors.length, expected.length, stderr);
    errors.forEach((line, i) => assertMatch(line, expected[i]));
  }
});

Deno.test("predict ends with exit code 1 if there is nothing that it can read", async () => {
  assertOneLineError(await predict("--quiet", "mod.ts"), {
    code: 1,
    message: /Cannot read mod\.ts as an image/,
  });
});

Deno.test("predict takes a run folder for its best checkpoint, as evaluate does", async () => {
  await using folder = await makeFolder();
  const run = folder.path;
  const commands = [
    ["predict", run, BOOT, "--device=cpu", "--quiet"],
    ["evaluate", run, "--source=sample", "--device=cpu", "--quiet"],
  ];
  for (const command of commands) {
    assertOneLineError(await runMain(command), {
      code: 1,
      message: /Cannot use .+ as a run: it has neither checkpoints\/best nor /,
    });
  }
  await Deno.mkdir(`${run}/checkpoints`);
  await Deno.copyFile(CHECKPOINT, `${run}/checkpoints/best`);
  await Deno.writeTextFile(`${run}/checkpoints/last`, "damaged");
  const results = [/ankle boot/, /^lenet, 500 test images, .+ test acc 0\.87/];
  for (const [i, command] of commands.entries()) {
    const { code, stdout, stderr } = await runMain(command);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, results[i]);
  }
});

Deno.test("predict refuses a checkpoint that is none before it looks at images", async () => {
  assertOneLineError(await runMain(["predict", BOOT, BOOT]), {
    code: 1,
    message: /Cannot read .+9_ankle_boot\.png: .+not a safetensors file/,
  });
});

Deno.test("predict calls digits by the names of their data, or by their numbers, and never by those of clothes", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const [path, digits] = [`${folder.path}/net`, `${folder.path}/digits.idx`];
  const images = {
    shape: [10, 28, 28],
    data: Uint8Array.from({ length: 7840 }, (_, i) => (i * 7919) % 251),
  };
  const labels = { shape: [10], data: Uint8Array.from({ length: 10 }).fill(0) };
  await Deno.writeFile(digits, encodeIdx(images));
  const numbers = Array.from({ length: 10 }, (_, i) => `${i}`);
  const names = numbers.map((n) => `digit ${n}`);
  const dataset = arrayDataset({ images, labels, classNames: names });
  const data = new DataLoader(dataset, { batchSize: 5 });
  const net = lenet({ seed: 1 });
  const { predicted } = await evaluatePredictions(net, data);
  const saves = [
    [
      numbers,
      () =>
        saveCheckpoint(path, net, {
          model: "lenet",
          classes: 10,
          imageSize: 28,
        }),
    ],
    [numbers, () => saveModel(path, net)],
    [names, () => saveModel(path, net, { data })],
    [
      MANIFEST.classNames,
      () => saveModel(path, net, { classNames: MANIFEST.classNames }),
    ],
  ] as const;
  const evaluate = ["evaluate", path, "--source=sample", "--device=cpu"];
  for (const [i, [expected, save]] of saves.entries()) {
    await save();
    const { stdout } = await runMain([
      ...["predict", path, digits, "--json", "--top=1", "--device=cpu"],
    ]);
    const classes = stdout.trimEnd().split("\n")
      .map((line) => JSON.parse(line).predictions[0].class);
    assertEquals(classes, [...predicted].map((label) => expected[label]));
    // `evaluate` measures no digits on clothes, and says what it does not know.
    const evaluated = await runMain([...evaluate, "--test-samples=8"]);
    assertEquals(evaluated.code, i === 2 ? 1 : 0);
    const said = [
      /^warning: .+net does not say its classes: they are taken for/,
      /^warning: /,
      /^error: .+ images of Fashion-MNIST: .+ of the classes digit 0, digit 1/,
      /^$/,
    ][i];
    assertMatch(evaluated.stderr, said);
  }
  net.dispose();
});

Deno.test("predict shows a network pictures of its own size and channels, and not of 28x28", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const [path, picture] = [`${folder.path}/net`, `${folder.path}/stripes.png`];
  // Stripes of a pixel, of which shrinking to 28x28 leaves a flat grey.
  const size = 96;
  const data = Uint8Array.from(
    { length: size * size * 3 },
    (_, i) => Math.floor(i / 3) % 2 * 200 + i % 3,
  );
  await Deno.writeFile(picture, encodePng({ width: size, height: size, data }));
  const classify = async () => {
    const { stdout, stderr } = await runMain([
      ...["predict", path, picture, "--json", "--top=2", "--device=cpu"],
    ]);
    assertEquals(stderr, "");
    const { predictions } = JSON.parse(stdout);
    return predictions.map((p: { probability: number }) => p.probability);
  };
  const model = { model: "alexnet", classes: 2, imageSize: size } as const;
  for (const channels of [1, 3]) {
    const net = alexnet({ ...model, channels, seed: 1 });
    await saveCheckpoint(path, net, model);
    const image = tf.tidy(() => {
      const color = tf.div(tf.tensor(data, [1, size, size, 3]), 255);
      // The blue and green of a pixel are at most 2 of 255 from its red.
      const first = channels === 3 ? 0 : 1;
      return tf.slice(color, [0, 0, 0, first], [1, size, size, channels]);
    }) as Tensor4D;
    const logits = net.predict(image);
    const expected = [...await tf.softmax(logits).data()]
      .toSorted((a, b) => b - a);
    const found = await classify();
    for (const [i, p] of found.entries()) {
      assert(Math.abs(p - expected[i]) < 1e-3, `${found} ${expected}`);
    }
    net.dispose();
    tf.dispose([image, logits]);
  }
});

Deno.test("predict takes the class names of an older run, whose checkpoints have none, from its config.json", async () => {
  await using folder = await makeFolder();
  const run = folder.path;
  await Deno.mkdir(`${run}/checkpoints`);
  await Deno.writeFile(`${run}/checkpoints/best`, await oldFileOfProgram());
  const { network } = await loadCheckpoint(`${run}/checkpoints/best`);
  assertEquals(network?.classNames, undefined);
  const classNames = Array.from({ length: 10 }, (_, i) => `kind ${i}`);
  const config = {
    ...{ format: 1, started: "2026-11-25T21:00:00.000Z", versions: {} },
    ...{ device: "CPU", system: "linux", recipe: {} },
    model: { model: "lenet", classes: 10, imageSize: 28 },
    data: {
      ...{ source: "full", classNames, trainSamples: 9, testSamples: 9 },
      ...{ sha256: {}, transforms: [] },
    },
  };
  await Deno.writeTextFile(`${run}/config.json`, JSON.stringify(config));
  const { stdout } = await runMain([
    ...["predict", run, BOOT, "--device=cpu", "--quiet", "--top=1"],
  ]);
  assertMatch(stdout, /kind 9\n$/);
});
