/** Sections about how the network learned: loss, accuracy, and the epochs beside the lecture's. */

import { drawChart, type Series } from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import {
  type Column,
  figure,
  formatLoss,
  formatShare,
  formatTime,
  formatValue,
  html,
  type Markup,
  type Section,
  table,
} from "./html.ts";
import { learningChart } from "./learning_chart.ts";
import {
  type EpochFigure,
  type EpochFigures,
  hasFigure,
  lectureOf,
  type LectureRun,
} from "./lecture.ts";

/** Curves are told apart by their symbols as well as by their colours. */
const TRAIN: Omit<Series, "name"> = { color: "var(--blue)", symbol: "circle" };
const TEST: Series = {
  name: "test, after the epoch",
  color: "var(--orange)",
  symbol: "square",
};

const NOTHING_YET = html`<p>The run has not recorded anything to draw yet.</p>`;

/** The loss of every step and epoch. */
export function lossSection(content: ReportContent): Section {
  const head = { id: "loss", title: "Loss" };
  const { steps, epochs, config } = content;
  if (steps.length + epochs.length === 0) return { ...head, body: NOTHING_YET };
  const lecture = lectureOf(config).epochs;
  const isUnknown = lecture.length > 0 && !hasFigure(lecture, "loss");
  const chart = learningChart(content, {
    of: "loss",
    yLabel: "loss (nats)",
    curves: [
      { ...TRAIN, name: "training, mean of the epoch", figure: "loss" },
      { ...TEST, figure: "testLoss" },
    ],
    reference: { figure: "loss", name: "the lecture, training" },
    maxPoints: 500,
  });
  const body = figure(
    html`Cross entropy in nats. The mean of an epoch is drawn at its end; a band reaches from the lowest to the highest of the steps that are one point. ${
      isUnknown && "The lecture's losses of this network are not known."
    }`,
    drawChart(chart),
  );
  return { ...head, body };
}

/** The accuracy of every epoch, and the epochs beside the lecture's. */
export function accuracySection(content: ReportContent): Section {
  const head = { id: "accuracy", title: "Accuracy" };
  if (content.epochs.length === 0) return { ...head, body: NOTHING_YET };
  const lecture = lectureOf(content.config);
  const chart = learningChart(content, {
    of: "accuracy",
    yLabel: "accuracy",
    curves: [
      {
        ...TRAIN,
        name: "training, running mean of the epoch",
        figure: "trainAccuracy",
      },
      {
        name: "training, measured after the epoch",
        color: "var(--green)",
        symbol: "triangle",
        dash: "6 3",
        figure: "measuredTrainAccuracy",
      },
      { ...TEST, figure: "testAccuracy" },
    ],
    reference: { figure: "testAccuracy", name: "the lecture, test" },
    maxPoints: 100,
  });
  const body = [
    figure(
      html`Share of correct predictions. ${
        lecture.epochs.length > 0 && [
          `The reference is ${lecture.source}; the line across is what it reached after ${lecture.epochs.length} epochs. `,
          differences(content, lecture),
        ]
      }`,
      drawChart(chart),
    ),
    explanation(content),
    epochTable(content, lecture),
  ];
  return { ...head, body };
}

/** What the run did differently from the lecture. An older run folder lacks options that did not exist: they were not used. */
function differences(
  { config: { recipe, data } }: ReportContent,
  lecture: LectureRun,
): string {
  const own: Readonly<Record<string, unknown>> = {
    ...recipe,
    "train-samples": data.trainSamples,
    "test-samples": data.testSamples,
  };
  const differing = Object.entries(lecture.recipe)
    .filter(([name, value]) => name in own && own[name] !== value)
    .map(([name, value]) =>
      `${name} ${formatValue(own[name])} instead of ${value}`
    );
  return differing.length === 0
    ? "This run has its recipe."
    : `This run differs from it: ${differing.join(", ")}.`;
}

/** Why accuracy in training reads low, with the figures of the last epoch. */
function explanation({ epochs, config, layers }: ReportContent): Markup {
  const last = epochs[epochs.length - 1];
  const { testAccuracy, trainAccuracy, measuredTrainAccuracy } = last;
  const hasDropout = config.recipe.dropout !== 0 &&
    layers.some(({ kind }) => kind === "dropout");
  const ofDropout = hasDropout
    ? "; and it is taken with dropout on, so that part of the network is missing, while testing uses all of it"
    : ". This network has no dropout, which would lower it further";
  const isHigher = testAccuracy !== undefined && trainAccuracy > testAccuracy;
  const comparison = testAccuracy !== undefined &&
    ` In epoch ${last.epoch} it is ${
      formatShare(trainAccuracy)
    }, and test accuracy is ${formatShare(testAccuracy)}${
      isHigher
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
      <h3 id="why-title">How training accuracy is counted</h3>
      <p>Training accuracy costs nothing, as it is counted while training, but is not what the network can do: it is a running mean over the epoch, so most of it was taken with weights that were still worse than those at the end${ofDropout}.${comparison} ${measured}</p>
    </aside>
  `;
}

/** A table of the epochs. A figure that the run never recorded has no column, nor has one that the lecture never recorded. */
function epochTable({ epochs }: ReportContent, lecture: LectureRun): Markup {
  type Row = typeof epochs[number];
  const column = (
    head: string,
    key: EpochFigure,
    from: readonly EpochFigures[] = epochs,
  ): Column<Row> | false => {
    const byEpoch = new Map(from.map((one) => [one.epoch, one[key]]));
    const format = /loss/i.test(key) ? formatLoss : formatShare;
    const cell = ({ epoch }: Row) => format(byEpoch.get(epoch));
    return hasFigure(from, key) && { head, cell };
  };
  const caption = lecture.epochs.length > 0
    ? "Epochs of this run and of the lecture"
    : "Epochs of this run";
  return table<Row>(caption, {
    columns: [
      {
        head: "Epoch",
        cell: (e) => e.isPartial ? `${e.epoch} (a part)` : e.epoch,
      },
      column("Loss", "loss"),
      column("Test loss", "testLoss"),
      column("Train acc", "trainAccuracy"),
      column("Measured train acc", "measuredTrainAccuracy"),
      column("Test acc", "testAccuracy"),
      { head: "Time", cell: (e) => formatTime(e.seconds) },
      column("Lecture’s loss", "loss", lecture.epochs),
      column("Lecture’s train acc", "trainAccuracy", lecture.epochs),
      column("Lecture’s test acc", "testAccuracy", lecture.epochs),
    ],
    rows: epochs,
  });
}
