/**
 * The page as a whole.
 *
 * @module
 */

import type { ReportContent } from "./evaluation.ts";
import {
  formatCount,
  formatLoss,
  formatShare,
  formatThreeDigits,
  formatTime,
  MODEL_NAMES,
} from "./format.ts";
import { type Content, html, Markup, section } from "./html.ts";
import { accuracySection, lossSection } from "./learning.ts";
import { LECTURE } from "./lecture.ts";
import {
  configurationSection,
  filterSection,
  layerSection,
  throughputSection,
} from "./network.ts";
import { predictionSections } from "./predictions.ts";
import { STYLE } from "./style.ts";

/** The page needs no script and no other file. So the browser refuses whatever a run folder could smuggle in. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const SECTIONS: readonly [id: string, name: string][] = [
  ["loss", "Loss"],
  ["accuracy", "Accuracy"],
  ["confusion", "Confusion matrix"],
  ["classes", "Classes"],
  ["mistakes", "Mistakes"],
  ["filters", "Filters"],
  ["layers", "Layers"],
  ["throughput", "Throughput"],
  ["configuration", "Configuration"],
];

/** Writes the page. */
export function renderPage(content: ReportContent): string {
  const { name, config } = content;
  const title = `${MODEL_NAMES[config.model.model]} on Fashion-MNIST`;
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
            <ul>${SECTIONS.map(([id, name]) =>
              html`<li><a href="#${id}">${name}</a></li>`
            )}</ul>
          </nav>
        </header>
        <main>
    ${makeHeadline(content)}
    ${lossSection(content)}
    ${accuracySection(content)}
    ${predictionSections(content)}
    ${filterSection(content)}
    ${layerSection(content)}
    ${throughputSection(content)}
    ${configurationSection(content)}
        </main>
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

function makeHeadline(content: ReportContent): Markup {
  const { epochs, config, evaluation } = content;
  const lecture = LECTURE[config.model.model].epochs;
  const reached = lecture[lecture.length - 1].testAccuracy;
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const last = epochs.at(-1);
  const { recipe } = config;
  return section(
    { id: "headline", title: "Result" },
    html`<dl class="cards">
${
      card(
        "Test accuracy",
        formatShare(evaluation?.predictions.accuracy ?? last?.testAccuracy),
        `${
          evaluation ? `checkpoint “${evaluation.checkpoint}”` : "last epoch"
        }; the lecture: ${reached} after ${lecture.length} epochs`,
      )
    }${
      card(
        "Test loss",
        formatLoss(evaluation?.predictions.loss ?? last?.testLoss),
        `nats, on ${formatCount(config.data.testSamples)} images`,
      )
    }${
      card(
        "Epochs",
        String(epochs.length),
        `${typeof recipe.epochs === "number" ? `of ${recipe.epochs}; ` : ""}${
          formatCount(last?.steps ?? content.steps.length)
        } steps`,
      )
    }${
      card(
        "Training time",
        formatTime(seconds),
        last &&
          `${
            formatThreeDigits(last.imagesPerSecond)
          } images/s in the last epoch`,
      )
    }
<div><dt>Device</dt><dd class="words">${config.device}</dd></div>
</dl>`,
  );
}

function card(name: string, value: string, more: Content): Markup {
  return html`
    <div>
      <dt>${name}</dt>
      <dd><span>${value}</span><small>${more}</small></dd>
    </div>
  `;
}
