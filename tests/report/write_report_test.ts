/**
 * Tests of the page of a real run: every section's figures against those of the run folder and of the network.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { parseHTML } from "linkedom";
import { tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist.ts";
import { loadCheckpoint, restoreWeights } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { writeReport } from "../../src/report/mod.ts";
import { readRun } from "../../src/runs/mod.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
} from "../../src/train/confusion.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { webgpuTest } from "../device.ts";
import { BATCH, CONFIG, makeRun } from "./made_run.ts";

// deno-lint-ignore no-explicit-any -- the DOM, whose types Deno does not load.
type Dom = any;

/** Would break out of text, attributes, styles and scripts. */
const HOSTILE = `x"'><img src=x onerror=alert(1)><script>alert(2)</script>`;

function parse(page: string): Dom {
  return (parseHTML(page) as Dom).document;
}

async function read(path: string): Promise<Dom> {
  return parse(await Deno.readTextFile(path));
}

/** The texts of the cells of a table, row by row, without those that are small. */
function cells(section: Dom): string[][] {
  for (const small of section.querySelectorAll("td small")) small.remove();
  return [...section.querySelectorAll("tbody tr")].map((row: Dom) =>
    [...row.children].map((cell: Dom) => cell.textContent.trim())
  );
}

const byId = (page: Dom, id: string): Dom => {
  const section = page.getElementById(id);
  assert(section !== null, id);
  return section;
};

webgpuTest("writeReport() shows what the run and its network say", async () => {
  await using folder = await makeFolder();
  const run = `${folder.path}/lenet`;
  await makeRun(run, { measuredTrainAccuracy: 0.4321 });
  const { numTensors } = tf.memory();
  const path = await writeReport(run);
  assertEquals(path, `${run}/report.html`);
  assertEquals(tf.memory().numTensors, numTensors);
  assertEquals(namesIn(run), [
    ...["checkpoints", "config.json", "metrics.jsonl", "report.html"],
  ]);
  const page = await read(path);
  const { epochs, steps } = await readRun(run);
  const { test, classNames } = await loadFashionMnist({
    ...{ source: "sample", testSamples: BATCH.testSamples },
  });
  const net = lenet();
  const checkpoint = await loadCheckpoint(`${run}/checkpoints/best`);
  restoreWeights(net, checkpoint);
  const predictions = await evaluatePredictions(net, test);
  const matrix = confusionMatrix(predictions, 10);
  net.dispose();

  // The result.
  const headline = byId(page, "headline").textContent;
  for (
    const figure of [
      predictions.accuracy.toFixed(3),
      predictions.loss.toFixed(4),
      `${steps.length} steps`,
      CONFIG.device,
      "the lecture: 0.764",
    ]
  ) assertStringIncludes(headline, figure);

  // The curves: the recorded points, the lecture's, and a name for each.
  const svg = byId(page, "accuracy").querySelector(".wide svg");
  const titles = [...svg.querySelectorAll("title")]
    .map((title: Dom) => title.textContent);
  const three = (y: number | undefined) => y?.toPrecision(3);
  for (const { epoch, trainAccuracy, testAccuracy } of epochs) {
    for (
      const title of [
        `training, running mean of the epoch, epoch ${epoch}: ${
          three(trainAccuracy)
        }`,
        `training, measured after the epoch, epoch ${epoch}: 0.432`,
        `test, after the epoch, epoch ${epoch}: ${three(testAccuracy)}`,
        `the lecture, test, epoch ${epoch}: ${["0.100", "0.548"][epoch - 1]}`,
      ]
    ) assert(titles.includes(title), `${title} of ${titles}`);
  }
  assertStringIncludes(svg.textContent, "lecture: 0.764");
  assertStringIncludes(
    byId(page, "accuracy").querySelector("figcaption").textContent,
    "This run differs from it: batch-size 32 instead of 256, learning-rate 0.1 instead of 0.9, momentum 0.9 instead of 0, train-samples 320 instead of 60000, test-samples 200 instead of 10000.",
  );
  const line = byId(page, "loss")
    .querySelector(".wide svg [aria-label=line] path");
  assertEquals(line.getAttribute("d").split("L").length, steps.length);
  assertStringIncludes(
    byId(page, "why-training-reads-lower").textContent,
    "0.432",
  );
  const [first] = cells(byId(page, "accuracy"));
  assertEquals(first.slice(0, 6), [
    ...["1", epochs[0].loss.toFixed(4), epochs[0].testLoss?.toFixed(4)],
    ...[epochs[0].trainAccuracy.toFixed(3), "0.432"],
    epochs[0].testAccuracy?.toFixed(3),
  ]);

  // The predictions.
  assertEquals(
    cells(byId(page, "confusion")),
    matrix.map((row, i) => [classNames[i], ...row.map(String)]),
  );
  assertEquals(
    cells(byId(page, "classes")),
    classMetrics(matrix).map(({ precision, recall, f1, support }, i) => [
      classNames[i],
      ...[precision, recall, f1].map((share) => share.toFixed(3)),
      String(support),
    ]),
  );
  const { labels, predicted, losses } = predictions;
  const worst = [...losses.keys()].filter((i) => labels[i] !== predicted[i])
    .sort((a, b) => losses[b] - losses[a]).slice(0, 20);
  const mistakes = [...byId(page, "mistakes").querySelectorAll("li")];
  assertEquals(mistakes.length, 20);
  mistakes.forEach((item: Dom, i) => {
    const text = item.textContent.replace(/\s+/g, " ");
    const index = worst[i];
    assertStringIncludes(
      text,
      `${classNames[labels[index]]}, taken for ${
        classNames[predicted[index]]
      } (`,
    );
    assertStringIncludes(text, `#${index}, loss ${losses[index].toFixed(2)}`);
    const image = item.querySelector("img");
    assertMatch(image.getAttribute("src"), /^data:image\/png;base64,/);
    assertMatch(image.getAttribute("alt"), new RegExp(`image ${index}, `));
  });

  // The network and the run.
  assertEquals(byId(page, "filters").querySelectorAll("li img").length, 6);
  assertEquals(cells(byId(page, "layers")).at(-1), [
    ...["total", "", "61,706", "416,520"],
  ]);
  const speeds = [...byId(page, "throughput").querySelectorAll(".wide title")];
  assertEquals(speeds.length, epochs.length);
  const config = byId(page, "configuration").textContent;
  for (const value of ["momentum", "0.9", "0".repeat(64), Deno.version.deno]) {
    assertStringIncludes(config, value);
  }
});

webgpuTest(
  "writeReport() lets nothing of a run folder become HTML",
  async () => {
    await using folder = await makeFolder();
    const name = HOSTILE.replaceAll("/", "");
    const run = `${folder.path}/${name}`;
    const { data } = CONFIG;
    await makeRun(run, {
      config: {
        versions: { [HOSTILE]: HOSTILE },
        ...{ device: HOSTILE, system: HOSTILE },
        recipe: { [HOSTILE]: { [HOSTILE]: [HOSTILE] }, momentum: HOSTILE },
        data: {
          ...data,
          classNames: data.classNames.map(() => HOSTILE),
          sha256: { [HOSTILE]: HOSTILE },
          transforms: [HOSTILE],
        },
      },
    });
    const output = `${folder.path}/page.html`;
    assertEquals(await writeReport(run, { output }), output);
    const page = await read(output);
    assertEquals(page.querySelectorAll("script").length, 0);
    for (const element of page.querySelectorAll("*")) {
      for (const { name } of element.attributes) assertMatch(name, /^(?!on)/);
      for (const link of ["src", "href"]) {
        const target = element.getAttribute(link);
        if (target !== null) assertMatch(target, /^(data:|#)/);
      }
    }
    assertMatch(
      page.querySelector("meta[http-equiv]").getAttribute("content"),
      /^default-src 'none'; img-src data:; style-src 'unsafe-inline'$/,
    );
    // Still there, as text: the run's name in the title and the head, and each class in the matrix.
    assertStringIncludes(page.title, name);
    const heads = [...byId(page, "confusion").querySelectorAll("tbody th")];
    assertEquals(
      heads.map((th: Dom) => th.textContent),
      data.classNames.map(() => HOSTILE),
    );
  },
);
