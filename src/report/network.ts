/**
 * Sections about the network and the run itself: filters, layers, throughput and configuration.
 *
 * @module
 */

import { bars, drawChart, rule } from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import {
  formatCount,
  formatPercent,
  formatThreeDigits,
  formatValue,
} from "./format.ts";
import { figure, html, type Markup, section, table } from "./html.ts";
import { picturesOfFilters } from "./pictures.ts";
import { NO_CHECKPOINT } from "./predictions.ts";

/** The filters of the first layer as pictures. */
export function filterSection({ evaluation }: ReportContent): Markup {
  const head = { id: "filters", title: "First-layer filters" };
  if (evaluation === undefined) return section(head, NO_CHECKPOINT);
  const { filters, checkpoint } = evaluation;
  const [height, width] = filters.shape;
  const pictures = picturesOfFilters(filters);
  return section(
    head,
    figure(
      html`The ${pictures.length} filters of ${height}x${width} pixels that the first layer looks for, each from its smallest weight (black) to its largest (white). Weights: checkpoint “${checkpoint}”.`,
      html`<ol class="filters ${pictures.length < 16 && "few"}">${
        pictures.map((uri, i) =>
          html`<li><img src="${uri}" alt="Filter ${i + 1}" title="Filter ${
            i + 1
          }" width="${4 * width}" height="${4 * height}"></li>`
        )
      }</ol>`,
    ),
  );
}

/** The layer table. */
export function layerSection({ layers }: ReportContent): Markup {
  const total = (key: "params" | "macs") =>
    layers.reduce((sum, layer) => sum + layer[key], 0);
  const rows = [
    ...layers.map(({ name, outputShape, params, macs }) => ({
      ...{ name, params, macs },
      output: outputShape.join("×"),
    })),
    { name: "total", output: "", params: total("params"), macs: total("macs") },
  ];
  return section(
    { id: "layers", title: "Layers" },
    table("Layers of the network", {
      columns: [
        { head: "Layer", cell: ({ name }) => name, isText: true },
        { head: "Output", cell: ({ output }) => output, isText: true },
        { head: "Parameters", cell: ({ params }) => formatCount(params) },
        { head: "Multiply-adds", cell: ({ macs }) => formatCount(macs) },
      ],
      rows,
    }),
    html`
      <p
        class="note">Output: height, width and channels, or units. Multiply-adds: of the forward pass for one image.</p>
    `,
  );
}

/** The speed of each epoch. */
export function throughputSection({ epochs }: ReportContent): Markup {
  const head = { id: "throughput", title: "Throughput" };
  if (epochs.length === 0) {
    return section(head, html`<p>No epoch has ended yet.</p>`);
  }
  const sum = (key: "seconds" | "waitSeconds") =>
    epochs.reduce((total, epoch) => total + epoch[key], 0);
  const end = epochs[epochs.length - 1].epoch;
  const step = Math.ceil(end / 10);
  const speeds = epochs.map(({ epoch, imagesPerSecond }) => ({
    ...{ from: epoch - 0.35, to: epoch + 0.35, height: imagesPerSecond },
    title: `epoch ${epoch}: ${formatThreeDigits(imagesPerSecond)} images/s`,
  }));
  const heights = speeds.map(({ height }) => height);
  const range = [Math.min(...heights), Math.max(...heights)]
    .map(formatThreeDigits);
  return section(
    head,
    figure(
      html`Training images per second in each epoch, evaluation not counted. Waiting for batches took ${
        formatPercent(sum("waitSeconds") / (sum("seconds") || 1))
      } of the time.`,
      drawChart({
        label: `Images per second of ${epochs.length} epochs, from ${
          range[0]
        } to ${range[1]}`,
        series: [],
        x: {
          label: "epoch",
          domain: [0.4, end + 0.6],
          ticks: epochs.map(({ epoch }) => epoch)
            .filter((epoch) => epoch % step === 0),
        },
        y: { label: "images/s", hasZero: true },
        marks: [
          bars("var(--blue)", speeds),
          rule({ color: "currentColor" }, 0),
        ],
      }),
    ),
  );
}

/** Everything that the run depends on. */
export function configurationSection({ config }: ReportContent): Markup {
  const { data, model, recipe, versions } = config;
  const groups: [title: string, values: Record<string, unknown>][] = [
    ["Run", {
      started: config.started,
      device: config.device,
      system: config.system,
    }],
    ["Options", { ...model, ...recipe }],
    ["Data", {
      source: data.source,
      classes: data.classNames.join(", "),
      "training images": formatCount(data.trainSamples),
      "test images": formatCount(data.testSamples),
      transforms: data.transforms.join(", ") || "none",
    }],
    ["SHA-256 of the data", data.sha256],
    ["Versions", versions],
  ];
  return section(
    { id: "configuration", title: "Configuration" },
    groups.map(([title, values]) =>
      html`
        <h3>${title}</h3>
        <dl class="values">${Object.entries(values).map(([name, value]) =>
          html`
            <div>
              <dt>${name}</dt>
              <dd>${formatValue(value)}</dd>
            </div>
          `
        )}</dl>
      `
    ),
  );
}
