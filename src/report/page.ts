/** The page as a whole: its head, the result, and the sections. */

import { isFashionMnist } from "../data/fashion_mnist/manifest.ts";
import { NETWORKS } from "../models/named.ts";
import { describeChoice } from "../runs/run_checkpoints.ts";
import type { ReportContent } from "./evaluation.ts";
import {
  type Content,
  formatCount,
  formatLoss,
  formatShare,
  formatThreeDigits,
  formatTime,
  html,
  Markup,
  type Section,
} from "./html.ts";
import { accuracySection, lossSection } from "./learning.ts";
import { lectureOf } from "./lecture.ts";
import {
  configurationSection,
  layerSection,
  throughputSection,
} from "./network.ts";
import { predictionSections } from "./predictions.ts";
import { STYLE } from "./style.ts";

/** The page needs no script and no other file. So the browser refuses whatever a run folder could smuggle in. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** Writes the page. */
export function renderPage(content: ReportContent): string {
  const { name, config } = content;
  const { model: { model }, data } = config;
  const title = `${model === "own" ? "A network" : NETWORKS[model].title} on ${
    isFashionMnist(data) ? "Fashion-MNIST" : "its own data"
  }`;
  const sections = [
    lossSection(content),
    accuracySection(content),
    ...predictionSections(content),
    layerSection(content),
    throughputSection(content),
    configurationSection(content),
  ];
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${POLICY}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}: ${name}</title>
        <link rel="icon" href="data:,">
        <style>${new Markup(STYLE)}</style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p>Run ${name}, begun ${showDate(config.started)}</p>
          <nav aria-label="Sections">
            <ul>${sections.map(({ id, title }) =>
              html`<li><a href="#${id}">${title}</a></li>`
            )}</ul>
          </nav>
        </header>
        <main>${[resultSection(content), ...sections].map(drawSection)}</main>
      </body>
    </html>
  `.text;
}

/** For example "2026-11-25 20:45 UTC". Text that is no date stays as it is. */
function showDate(started: string): string {
  const date = new Date(started);
  if (Number.isNaN(date.getTime())) return started;
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function drawSection({ id, title, body }: Section): Markup {
  return html`
    <section id="${id}" aria-labelledby="${id}-title">
      <h2 id="${id}-title">${title}</h2>
      ${body}
    </section>
  `;
}

function resultSection(content: ReportContent): Section {
  const { epochs, steps, config, evaluation } = content;
  const lecture = lectureOf(config).epochs;
  const last = epochs.at(-1);
  const planned = config.recipe.epochs;
  const weights = evaluation
    ? `checkpoint “${evaluation.checkpoint}”`
    : "last epoch";
  const reached = lecture.at(-1)?.testAccuracy;
  const cards: [name: string, value: string, more: Content][] = [
    [
      "Test accuracy",
      formatShare(evaluation?.predictions.accuracy ?? last?.testAccuracy),
      reached === undefined
        ? weights
        : `${weights}; the lecture: ${reached} after ${lecture.length} epochs`,
    ],
    [
      "Test loss",
      formatLoss(evaluation?.predictions.loss ?? last?.testLoss),
      `nats, on ${formatCount(config.data.testSamples)} images`,
    ],
    [
      "Epochs",
      String(epochs.length),
      `${typeof planned === "number" ? `of ${planned}; ` : ""}${
        formatCount(last?.steps ?? steps.length)
      } steps`,
    ],
    [
      "Training time",
      formatTime(epochs.reduce((sum, { seconds }) => sum + seconds, 0)),
      last &&
      `${formatThreeDigits(last.imagesPerSecond)} images/s in the last epoch`,
    ],
  ];
  const hasBest = evaluation?.checkpoint === "best";
  const choice = describeChoice(config.recipe, { hasBest });
  const body = html`
    <dl class="cards">
      ${cards.map(([name, value, more]) =>
        html`
          <div>
            <dt>${name}</dt>
            <dd><span>${value}</span><small>${more}</small></dd>
          </div>
        `
      )}
      <div><dt>Device</dt><dd class="words">${config.device}</dd></div>
    </dl>
    ${choice && html`<p>In this run ${choice}.</p>`}
  `;
  return { id: "headline", title: "Result", body };
}
