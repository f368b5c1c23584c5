/**
 * Sections about what the network predicts: confusion matrix, classes and mistakes.
 *
 * @module
 */

import type { ReportContent, RunEvaluation } from "./evaluation.ts";
import { formatCount, formatPercent, formatShare } from "./format.ts";
import { heatLevel } from "./style.ts";
import { figure, html, type Markup, scroller, section, table } from "./html.ts";
import { pictureOfImage } from "./pictures.ts";

/** Which classes are taken for which, how well each is found, and the worst mistakes. */
export function predictionSections(content: ReportContent): Markup[] {
  const { evaluation, config: { data: { classNames } } } = content;
  return [
    section(
      { id: "confusion", title: "Confusion matrix" },
      evaluation ? matrixTable(evaluation, classNames) : NO_CHECKPOINT,
    ),
    section(
      { id: "classes", title: "Classes" },
      evaluation ? classTable(evaluation, classNames) : NO_CHECKPOINT,
    ),
    section(
      { id: "mistakes", title: "Worst mistakes" },
      evaluation ? mistakesTable(evaluation, classNames) : NO_CHECKPOINT,
    ),
  ];
}

/** Stands in sections that need a checkpoint. */
export const NO_CHECKPOINT: Markup =
  html`<p>The run has no checkpoint yet: make the report again once it has one.</p>`;

function matrixTable(
  { matrix, predictions, checkpoint }: RunEvaluation,
  classNames: readonly string[],
): Markup {
  const rows = matrix.map((counts, label) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cells = counts.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total;
      const kind = label === predicted ? "right" : "wrong";
      return count === 0
        ? html`<td class="none">0</td>`
        : html`<td class="${kind}-${heatLevel(share)}">${count}<small>${
          formatPercent(share)
        }</small></td>`;
    });
    return html`<tr><th scope="row">${classNames[label]}</th>${cells}</tr>`;
  });
  return figure(
    html`Of ${
      formatCount(predictions.labels.length)
    } test images, how many of each class (a row) are taken for which class (a column), and which share of the row that is. Right predictions are blue, wrong ones orange. Weights: checkpoint “${checkpoint}”.`,
    scroller(
      "Confusion matrix: a row per true class, a column per predicted one",
      html`
        <table class="matrix">
          <thead>
            <tr><th scope="col">true \\ predicted</th>${classNames.map((name) =>
              html`<th scope="col"><span>${name}</span></th>`
            )}</tr>
          </thead>
          <tbody>${rows}</tbody>
        </table>
      `,
    ),
  );
}

function classTable(
  { metrics }: RunEvaluation,
  classNames: readonly string[],
): Markup {
  type Row = typeof metrics[number] & { name: string };
  const bar = (share: number) =>
    html`${formatShare(share)}<span class="bar" style="--share: ${
      share.toFixed(4)
    }"></span>`;
  return html`
    ${table<Row>("Precision, recall, F1 and number of images of each class", {
      columns: [
        { head: "Class", cell: ({ name }) => name, isText: true },
        { head: "Precision", cell: ({ precision }) => bar(precision) },
        { head: "Recall", cell: ({ recall }) => bar(recall) },
        { head: "F1", cell: ({ f1 }) => bar(f1) },
        { head: "Support", cell: ({ support }) => formatCount(support) },
      ],
      rows: metrics.map((row, i) => ({ ...row, name: classNames[i] })),
    })}<p
      class="note">Precision: of the images taken for the class, the share that is of it. Recall: of the images of the class, the share that is found. F1: their harmonic mean. Support: images of the class. A share of nothing is 0.</p>
  `;
}

function mistakesTable(
  { mistakes, predictions }: RunEvaluation,
  classNames: readonly string[],
): Markup {
  const { labels, predicted } = predictions;
  const numWrong = labels.filter((label, i) => label !== predicted[i]).length;
  if (numWrong === 0) return html`<p>There is none.</p>`;
  const items = mistakes.map((mistake) => {
    const { index, image, probability, loss } = mistake;
    const [label, taken] = [mistake.label, mistake.predicted]
      .map((k) => classNames[k]);
    return html`
      <li>
        <img src="${pictureOfImage(image)}" alt="Test image ${index}, ${label}"
          width="${4 * image.width}" height="${4 * image.height}">
        <p><strong>${label}</strong>, taken for ${taken} (${formatPercent(
          probability,
        )})<small>#${index}, loss ${loss.toFixed(2)}</small></p>
      </li>
    `;
  });
  return figure(
    html`The ${mistakes.length} of ${
      formatCount(numWrong)
    } wrong predictions with the highest loss, highest first: what the image is, and what the network takes it for with which probability.`,
    html`<ol class="mistakes">${items}</ol>`,
  );
}
