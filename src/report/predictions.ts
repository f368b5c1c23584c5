/** Sections that need a checkpoint: what the network predicts, and the filters of its first layer. */

import { isFashionMnist } from "../data/fashion_mnist/manifest.ts";
import { drawEnlarged, encodePng, filterImage } from "../io/contact_sheet.ts";
import type { RunConfig } from "../runs/records.ts";
import type { ReportContent, RunEvaluation } from "./evaluation.ts";
import {
  figure,
  formatCount,
  formatPercent,
  formatShare,
  html,
  type Markup,
  scroller,
  type Section,
  table,
} from "./html.ts";
import { heatLevel } from "./style.ts";

/** Which classes are taken for which, how well each is found, the worst mistakes, and the first layer's filters. */
export function predictionSections(
  { evaluation, config }: ReportContent,
): Section[] {
  const sections = [
    ["confusion", "Confusion matrix", drawMatrix],
    ["classes", "Classes", drawClasses],
    ["mistakes", "Worst mistakes", drawMistakes],
    ["filters", "First-layer filters", drawFilters],
  ] as const;
  return sections.map(([id, title, draw]) => ({
    id,
    title,
    body: evaluation ? draw(evaluation) : explainNone(config),
  }));
}

/** Stands in sections of a run that was not evaluated. */
function explainNone({ data }: RunConfig): Markup {
  return isFashionMnist(data)
    ? html`<p>The run has no checkpoint yet: make the report again once it has one.</p>`
    : html`<p>The run was on data of its own, and a report can load no test images but those of Fashion-MNIST.</p>`;
}

function drawMatrix(evaluation: RunEvaluation): Markup {
  const { matrix, predictions, checkpoint, classNames } = evaluation;
  const rows = matrix.map((counts, label) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cells = counts.map((count, predicted) => {
      if (count === 0) return html`<td class="none">0</td>`;
      const share = count / total;
      const kind = label === predicted ? "right" : "wrong";
      return html`<td class="${kind}-${heatLevel(share)}">${count}<small>${
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

function drawClasses({ metrics, classNames }: RunEvaluation): Markup {
  const bar = (share: number) =>
    html`${formatShare(share)}<span class="bar" style="--share: ${
      share.toFixed(4)
    }"></span>`;
  return html`
    ${table("Precision, recall, F1 and number of images of each class", {
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

function drawMistakes(evaluation: RunEvaluation): Markup {
  const { mistakes, predictions, classNames } = evaluation;
  const { labels, predicted, probabilities, losses } = predictions;
  const numWrong = labels.filter((label, i) => label !== predicted[i]).length;
  if (numWrong === 0) return html`<p>There is none.</p>`;
  const items = mistakes.map(({ index, image }) => {
    const [label, taken] = [labels, predicted].map((k) => classNames[k[index]]);
    const { height, width, channels, data, maxValue } = image;
    const values = Float32Array.from(data, (value) => value / maxValue);
    const uri = pictureOf(values, [height, width, channels]);
    return html`
      <li>
        <img src="${uri}" alt="Test image ${index}, ${label}"
          width="${SCALE * image.width}" height="${SCALE * image.height}">
        <p><strong>${label}</strong>, taken for ${taken} (${formatPercent(
          probabilities[index],
        )})<small>#${index}, loss ${losses[index].toFixed(2)}</small></p>
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

function drawFilters({ filters, checkpoint }: RunEvaluation): Markup {
  const { shape: [height, width, channels, count], values } = filters;
  if (count === undefined || (channels !== 1 && channels !== 3)) {
    return html`<p>The first layer has no filters that could be drawn.</p>`;
  }
  const items = Array.from({ length: count }, (_, k) => {
    const filter = filterImage(values, { index: k, count });
    const uri = pictureOf(filter, [height, width, channels]);
    return html`<li><img src="${uri}" alt="Filter ${k + 1}" title="Filter ${
      k + 1
    }" width="${SCALE * width}" height="${SCALE * height}"></li>`;
  });
  return figure(
    html`The ${count} filters of ${height}x${width} pixels that the first layer looks for, each from its smallest weight (black) to its largest (white). Weights: checkpoint “${checkpoint}”.`,
    html`<ol class="filters ${count < 16 && "few"}">${items}</ol>`,
  );
}

/** Pixels of a picture per pixel of an image, both ways, so that it stays sharp wherever it is shown. */
const SCALE = 4;

/** The address of a picture within the page, enlarged without smoothing: of values from 0, black, to 1, white. */
function pictureOf(
  values: Float32Array,
  shape: readonly [height: number, width: number, channels: number],
): string {
  const picture = drawEnlarged({ values, shape }, SCALE);
  return `data:image/png;base64,${encodePng(picture).toBase64()}`;
}
