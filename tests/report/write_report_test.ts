/** Tests of the page of a real run: every section's figures against those of the run folder and of the network. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { loadCheckpoint, restoreWeights } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { writeReport } from "../../src/report/mod.ts";
import { readRun } from "../../src/runs/mod.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
} from "../../src/train/predictions.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { webgpuTest } from "../device.ts";
import { runPeer } from "../peers.ts";
import { BATCH, CONFIG, makeRun } from "./made_run.ts";

// deno-lint-ignore no-explicit-any -- the DOM, whose types Deno does not load.
type Dom = any;

/** Would break out of text, attributes, styles and scripts. */
const HOSTILE = `x"'><img src=x onerror=alert(1)><script>alert(2)</script>`;

/** Asks a page in the DOM of another process: the function is sent there as text, and so knows nothing of here. */
async function ask<T>(
  path: string,
  question: (document: Dom) => T,
): Promise<T> {
  const page = await Deno.readFile(path);
  return await runPeer(["dom.ts", String(question)], page) as T;
}

/** What a page says, section by section. */
function readPage(document: Dom) {
  const select = (selector: string): Dom[] => [
    ...document.querySelectorAll(selector),
  ];
  const texts = (selector: string): string[] =>
    select(selector).map(({ textContent }) => textContent);
  /** The cells of a section's table, row by row, without what is small in them. */
  const cells = (id: string): string[][] => {
    for (const small of select(`#${id} td small`)) small.remove();
    return select(`#${id} tbody tr`).map((row: Dom) =>
      [...row.children].map((cell: Dom) => cell.textContent.trim())
    );
  };
  return {
    headline: texts("#headline")[0],
    accuracy: {
      chart: texts("#accuracy .wide svg[role=img]")[0],
      titles: texts("#accuracy .wide svg[role=img] title"),
      caption: texts("#accuracy figcaption")[0],
      why: texts("#why-training-reads-lower")[0],
      cells: cells("accuracy"),
    },
    lossCurve: select("#loss .wide .curve")[0].getAttribute("d"),
    confusion: cells("confusion"),
    classes: cells("classes"),
    mistakes: select("#mistakes li").map((item) => ({
      text: item.textContent.replace(/\s+/g, " "),
      src: item.querySelector("img").getAttribute("src"),
      alt: item.querySelector("img").getAttribute("alt"),
    })),
    numFilters: select("#filters li img").length,
    layers: cells("layers"),
    speeds: texts("#throughput .wide title"),
    configuration: texts("#configuration")[0],
  };
}

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
  const page = await ask(path, readPage);
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
  for (
    const figure of [
      predictions.accuracy.toFixed(3),
      predictions.loss.toFixed(4),
      `${steps.length} steps`,
      CONFIG.device,
      "the lecture: 0.764",
      "In this run the test images decided which checkpoint is best",
    ]
  ) assertStringIncludes(page.headline, figure);

  // The curves: the recorded points, the lecture's, and a name for each.
  const { chart, titles, caption, why, cells } = page.accuracy;
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
  assertStringIncludes(chart, "lecture: 0.764");
  assertStringIncludes(
    caption,
    "This run differs from it: batch-size 32 instead of 256, learning-rate 0.1 instead of 0.9, momentum 0.9 instead of 0, train-samples 320 instead of 60000, test-samples 200 instead of 10000.",
  );
  assertEquals(page.lossCurve.split("L").length, steps.length);
  assertStringIncludes(why, "0.432");
  assertEquals(cells[0].slice(0, 6), [
    ...["1", epochs[0].loss.toFixed(4), epochs[0].testLoss?.toFixed(4)],
    ...[epochs[0].trainAccuracy.toFixed(3), "0.432"],
    epochs[0].testAccuracy?.toFixed(3),
  ]);

  // The predictions.
  assertEquals(
    page.confusion,
    matrix.map((row, i) => [classNames[i], ...row.map(String)]),
  );
  assertEquals(
    page.classes,
    classMetrics(matrix).map(({ precision, recall, f1, support }, i) => [
      classNames[i],
      ...[precision, recall, f1].map((share) => share.toFixed(3)),
      String(support),
    ]),
  );
  const { labels, predicted, losses } = predictions;
  const worst = [...losses.keys()].filter((i) => labels[i] !== predicted[i])
    .sort((a, b) => losses[b] - losses[a]).slice(0, 20);
  assertEquals(page.mistakes.length, 20);
  page.mistakes.forEach(({ text, src, alt }, i) => {
    const index = worst[i];
    assertStringIncludes(
      text,
      `${classNames[labels[index]]}, taken for ${
        classNames[predicted[index]]
      } (`,
    );
    assertStringIncludes(text, `#${index}, loss ${losses[index].toFixed(2)}`);
    assertMatch(src, /^data:image\/png;base64,/);
    assertMatch(alt, new RegExp(`image ${index}, `));
  });

  // The network and the run.
  assertEquals(page.numFilters, 6);
  assertEquals(page.layers.at(-1), ["total", "", "61,706", "416,520"]);
  assertEquals(page.speeds.length, epochs.length);
  for (const value of ["momentum", "0.9", "0".repeat(64), Deno.version.deno]) {
    assertStringIncludes(page.configuration, value);
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
    const page = await ask(output, (document) => {
      const elements: Dom[] = [...document.querySelectorAll("*")];
      return {
        title: document.title,
        names: elements.map(({ localName }) => localName),
        attributes: elements.flatMap(({ attributes }) =>
          [...attributes].map(({ name, value }) => ({ name, value }))
        ),
        policy: document.querySelector("meta[http-equiv]")
          .getAttribute("content"),
        classes: [...document.querySelectorAll("#configuration dd")]
          .map(({ textContent }) => textContent).find((t) => t.includes(", ")),
      };
    });
    assert(!page.names.includes("script"));
    for (const { name, value } of page.attributes) {
      assertMatch(name, /^(?!on)/);
      if (["src", "href"].includes(name)) assertMatch(value, /^(data:|#)/);
    }
    assertMatch(
      page.policy,
      /^default-src 'none'; img-src data:; style-src 'unsafe-inline'$/,
    );
    // Still there, as text: the run's name in the title and the head, and each class.
    assertStringIncludes(page.title, name);
    const classes = data.classNames.map(() => HOSTILE).join(", ");
    assertEquals(page.classes, classes);
  },
);
