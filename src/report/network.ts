/** Sections about the network and the run itself: layers, throughput and configuration. */

import { bar, drawChart, rule } from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import {
  figure,
  formatCount,
  formatPercent,
  formatThreeDigits,
  formatValue,
  html,
  type Section,
  table,
} from "./html.ts";

export function layerSection({ layers }: ReportContent): Section {
  const total = (key: "params" | "macs") =>
    layers.reduce((sum, layer) => sum + layer[key], 0);
  const totals = { params: total("params"), macs: total("macs") };
  const body = html`
    ${table("Layers of the network", {
      columns: [
        { head: "Layer", cell: ({ name }) => name, isText: true },
        {
          head: "Output",
          cell: ({ outputShape }) => outputShape.join("×"),
          isText: true,
        },
        { head: "Parameters", cell: ({ params }) => formatCount(params) },
        { head: "Multiply-adds", cell: ({ macs }) => formatCount(macs) },
      ],
      rows: [...layers, { name: "total", outputShape: [], ...totals }],
    })}<p
      class="note">Output: height, width and channels, or units. Multiply-adds: of the forward pass for one image.</p>
  `;
  return { id: "layers", title: "Layers", body };
}

/** The speed of each epoch. */
export function throughputSection({ epochs }: ReportContent): Section {
  const head = { id: "throughput", title: "Throughput" };
  const last = epochs.at(-1);
  if (last === undefined) {
    return { ...head, body: html`<p>No epoch has ended yet.</p>` };
  }
  const sum = (key: "seconds" | "waitSeconds") =>
    epochs.reduce((total, epoch) => total + epoch[key], 0);
  const interval = Math.ceil(last.epoch / 10);
  const speeds = epochs.map(({ epoch, imagesPerSecond }) => ({
    from: epoch - 0.35,
    to: epoch + 0.35,
    height: imagesPerSecond,
    title: `epoch ${epoch}: ${formatThreeDigits(imagesPerSecond)} images/s`,
  }));
  const heights = speeds.map(({ height }) => height);
  const [least, most] = [Math.min(...heights), Math.max(...heights)]
    .map(formatThreeDigits);
  const body = figure(
    html`Training images per second in each epoch, evaluation not counted. Waiting for batches took ${
      formatPercent(sum("waitSeconds") / (sum("seconds") || 1))
    } of the time.`,
    drawChart({
      label:
        `Images per second of ${epochs.length} epochs, from ${least} to ${most}`,
      series: [],
      x: {
        label: "epoch",
        domain: [0.4, last.epoch + 0.6],
        ticks: epochs.map(({ epoch }) => epoch)
          .filter((epoch) => epoch % interval === 0),
      },
      y: { label: "images/s", hasZero: true },
      marks: [
        ...speeds.map((speed) => bar("var(--blue)", speed)),
        rule({ color: "currentColor" }, 0),
      ],
    }),
  );
  return { ...head, body };
}

/** Everything that the run depends on. */
export function configurationSection({ config }: ReportContent): Section {
  const { started, device, system, model, recipe, data, versions } = config;
  const groups: Record<string, Readonly<Record<string, unknown>>> = {
    Run: { started, device, system },
    Options: { ...model, ...recipe },
    Data: {
      source: data.source,
      classes: data.classNames.join(", "),
      "training images": formatCount(data.trainSamples),
      "test images": formatCount(data.testSamples),
      transforms: data.transforms.join(", ") || "none",
    },
    "SHA-256 of the data": data.sha256,
    Versions: versions,
  };
  const body = Object.entries(groups).map(([title, values]) =>
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
  );
  return { id: "configuration", title: "Configuration", body };
}
