/**
 * Sections about how the network learned: loss, accuracy, and the epochs beside the lecture's.
 *
 * @module
 */

import type { EpochRecord } from "../runs/records.ts";
import { drawChart, type Series } from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import { formatLoss, formatShare, formatTime, formatValue } from "./format.ts";
import {
  type Column,
  figure,
  html,
  type Markup,
  section,
  table,
} from "./html.ts";
import { learningChart } from "./learning_chart.ts";
import { LECTURE, type LectureEpoch, type LectureRun } from "./lecture.ts";

/** Curves are told apart by their marks as well as by their colours. */
const TRAIN: Omit<Series, "name"> = { color: "var(--blue)", symbol: "circle" };
const TEST: Omit<Series, "name"> = { color: "var(--orange)", symbol: "square" };
const MEASURED: Omit<Series, "name"> = {
  ...{ color: "var(--green)", symbol: "triangle", dash: "6 3" },
};

/** The loss of every step and epoch. */
export function lossSection(content: ReportContent): Markup {
  const head = { id: "loss", title: "Loss" };
  const { steps, epochs } = content;
  if (steps.length + epochs.length === 0) return section(head, NOTHING_YET);
  const { epochs: theirs } = LECTURE[content.config.model.model];
  const isKnown = theirs.some(({ loss }) => loss !== undefined);
  const chart = learningChart(content, {
    of: "loss",
    axis: "loss (nats)",
    curves: [
      { ...TRAIN, name: "training, mean of the epoch", figure: "loss" },
      { ...TEST, name: "test, after the epoch", figure: "testLoss" },
    ],
    reference: { figure: "loss", name: "the lecture, training" },
    maxPoints: 500,
  });
  return section(
    head,
    figure(
      html`Cross entropy in nats. The mean of an epoch is drawn at its end; a band reaches from the lowest to the highest of the steps that are one point. ${
        !isKnown && "The lecture's losses of this network are not known."
      }`,
      drawChart(chart),
    ),
  );
}

/** The accuracy of every epoch, and the epochs beside the lecture's. */
export function accuracySection(content: ReportContent): Markup {
  const head = { id: "accuracy", title: "Accuracy" };
  const { epochs } = content;
  if (epochs.length === 0) return section(head, NOTHING_YET);
  const lecture = LECTURE[content.config.model.model];
  const chart = learningChart(content, {
    of: "accuracy",
    axis: "accuracy",
    curves: [
      {
        ...{ ...TRAIN, name: "training, running mean of the epoch" },
        figure: "trainAccuracy",
      },
      {
        ...{ ...MEASURED, name: "training, measured after the epoch" },
        figure: "measuredTrainAccuracy",
      },
      { ...TEST, name: "test, after the epoch", figure: "testAccuracy" },
    ],
    reference: { figure: "testAccuracy", name: "the lecture, test" },
    maxPoints: 100,
  });
  return section(
    head,
    figure(
      html`Share of correct predictions. The reference is ${lecture.source}; the line across is what it reached after ${lecture.epochs.length} epochs. ${
        differences(content, lecture)
      }`,
      drawChart(chart),
    ),
    explanation(content),
    epochTable(epochs, lecture),
  );
}

const NOTHING_YET = html`<p>The run has not recorded anything to draw yet.</p>`;

/** What the run did differently from the lecture. An older run folder lacks options that did not exist: they were not used. */
function differences(
  { config }: ReportContent,
  { recipe }: LectureRun,
): string {
  const { trainSamples, testSamples } = config.data;
  const own: Readonly<Record<string, unknown>> = {
    ...config.recipe,
    ...{ "train-samples": trainSamples, "test-samples": testSamples },
  };
  const differing = Object.entries(recipe)
    .filter(([name, value]) => name in own && own[name] !== value)
    .map(([name, value]) =>
      `${name} ${formatValue(own[name])} instead of ${value}`
    );
  return differing.length === 0
    ? "This run has its recipe."
    : `This run differs from it: ${differing.join(", ")}.`;
}

/** Why accuracy in training reads low, with the figures of the last epoch. */
function explanation({ epochs, config }: ReportContent): Markup {
  const last = epochs[epochs.length - 1];
  const { testAccuracy, trainAccuracy, measuredTrainAccuracy } = last;
  const { dropout } = config.recipe;
  const hasDropout = config.model.model === "alexnet" && dropout !== 0;
  const reasons = hasDropout
    ? "it is a running mean over the epoch, so most of it was taken with weights that were still worse than those at the end; and it is taken with dropout on, so that part of the network is missing, while testing uses all of it"
    : "it is a running mean over the epoch, so most of it was taken with weights that were still worse than those at the end. This network has no dropout, which would lower it further";
  const comparison = testAccuracy === undefined
    ? ""
    : ` In epoch ${last.epoch} it is ${
      formatShare(trainAccuracy)
    }, and test accuracy is ${formatShare(testAccuracy)}${
      trainAccuracy > testAccuracy
        ? "; training reads higher all the same, as the network knows the training images so much better"
        : ""
    }.`;
  const measured = measuredTrainAccuracy === undefined
    ? html`Train with <code>--measure-train</code> to measure it as test accuracy is.`
    : html`Measured as test accuracy is, with the weights at the end of the epoch and dropout off, accuracy on the training images is <strong>${
      formatShare(measuredTrainAccuracy)
    }</strong>.`;
  return html`
    <aside id="why-training-reads-lower" aria-labelledby="why-title">
      <h3 id="why-title">Why training accuracy reads lower than test accuracy</h3>
      <p>Training accuracy costs nothing, as it is counted while training, but is not what the network can do: ${reasons}.${comparison} ${measured}</p>
    </aside>
  `;
}

/** Makes a table of the epochs. A column that neither the run nor the lecture has is left out. */
export function epochTable(
  epochs: readonly EpochRecord[],
  lecture: LectureRun,
): Markup {
  const own = (
    head: string,
    key: "loss" | "testLoss" | AccuracyPoint,
  ): Column<EpochRecord> => ({
    head,
    cell: (e) => show(key, e[key]),
  });
  const theirs = (
    head: string,
    key: Exclude<keyof LectureEpoch, "epoch">,
  ): Column<EpochRecord> => ({
    head,
    cell: (e) => {
      const same = lecture.epochs.find(({ epoch }) => epoch === e.epoch);
      return show(key, same?.[key]);
    },
  });
  const has = (key: keyof EpochRecord) =>
    epochs.some((e) => e[key] !== undefined);
  const knows = (key: keyof LectureEpoch) =>
    lecture.epochs.some((e) => e[key] !== undefined);
  return table("Epochs of this run and of the lecture", {
    columns: [
      {
        head: "Epoch",
        cell: (e) => e.isPartial ? `${e.epoch} (a part)` : e.epoch,
      },
      own("Loss", "loss"),
      has("testLoss") && own("Test loss", "testLoss"),
      own("Train acc", "trainAccuracy"),
      has("measuredTrainAccuracy") &&
      own("Measured train acc", "measuredTrainAccuracy"),
      has("testAccuracy") && own("Test acc", "testAccuracy"),
      { head: "Time", cell: (e) => formatTime(e.seconds) },
      knows("loss") && theirs("Lecture’s loss", "loss"),
      knows("trainAccuracy") && theirs("Lecture’s train acc", "trainAccuracy"),
      theirs("Lecture’s test acc", "testAccuracy"),
    ],
    rows: epochs,
  });
}

type AccuracyPoint = "trainAccuracy" | "measuredTrainAccuracy" | "testAccuracy";

function show(
  key: "loss" | "testLoss" | AccuracyPoint,
  value: number | undefined,
): string {
  return /loss/i.test(key) ? formatLoss(value) : formatShare(value);
}
