/**
 * Charts as SVG, drawn by Observable Plot without a browser, each for wide, medium and narrow screens.
 *
 * @module
 */

import type * as Plot from "@observablehq/plot";
import { html, Markup } from "./html.ts";

/** Observable Plot. */
export type PlotModule = typeof Plot;

/** A line of the legend, and how its curve is drawn. */
export interface Series {
  /** What it is. */
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  /** Dashes of the line. Default: none. */
  readonly dash?: string;
  /** Mark of its points. Default: none. */
  readonly symbol?: "circle" | "square" | "triangle" | "diamond";
  /** Whether the marks are empty. */
  readonly isHollow?: boolean;
}

/** A chart. */
export interface Chart {
  /** What it shows, for whoever does not see it. */
  readonly label: string;
  /** What its curves are. */
  readonly series: readonly Series[];
  /** How it is drawn. */
  readonly options: (plot: PlotModule) => Plot.PlotOptions;
}

/** Draws a chart with its legend. */
export type Draw = (chart: Chart) => Markup;

/** CSS pixels; style.ts shows the one that fits. */
const SIZES = [
  { kind: "wide", width: 864, height: 340 },
  { kind: "medium", width: 560, height: 300 },
  { kind: "narrow", width: 320, height: 260 },
] as const;

/**
 * Loads what draws charts.
 *
 * @returns Draws a chart.
 */
export async function openCharts(): Promise<Draw> {
  const plot = await import("@observablehq/plot");
  const { DOMParser } = await import("linkedom");
  const document = new DOMParser().parseFromString(
    "<html></html>",
    "text/html",
  );
  return ({ label, series, options }) => {
    const drawings = SIZES.map(({ kind, ...size }) => {
      const svg = plot.plot({
        ...{ marginTop: 28, marginLeft: 44, marginBottom: 38, ...size },
        ...options(plot),
        ariaLabel: label,
        style: { fontSize: "12px", overflow: "visible" },
        document: document as never,
      });
      svg.setAttribute("role", "img");
      return html`<div class="${kind}">${new Markup(svg.outerHTML)}</div>`;
    });
    return html`${_legend(series)}${drawings}`;
  };
}

/**
 * The marks of a curve of a few points.
 *
 * @param plot Observable Plot.
 * @param series How it is drawn.
 * @param points Where; those without a value are left out.
 * @returns A line, and its points.
 */
export function curve(
  plot: PlotModule,
  series: Series,
  points: readonly { readonly x: number; readonly y: number | undefined }[],
): Plot.Markish[] {
  const { name, color, dash, symbol, isHollow } = series;
  const known = points.filter(({ y }) => y !== undefined);
  return [
    plot.line(known, {
      ...{ x: "x", y: "y", stroke: color, strokeWidth: 2 },
      strokeDasharray: dash,
    }),
    symbol === undefined ? null : plot.dot(known, {
      ...{ x: "x", y: "y", stroke: color, symbol, r: 4 },
      fill: isHollow ? "var(--paper)" : color,
      title: ({ x, y }) => `${name}, epoch ${x}: ${y.toPrecision(3)}`,
    }),
  ];
}

function _legend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${
    series.map(({ name, ...drawing }) =>
      html`<li>${_sample(drawing)} ${name}</li>`
    )
  }</ul>`;
}

/** Shapes around (16, 6). */
const SYMBOLS = {
  circle: "M12 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  square: "M12.5 2.5h7v7h-7Z",
  triangle: "M16 1.5l4.5 8h-9Z",
  diamond: "M16 1l4 5l-4 5l-4 -5Z",
};

function _sample({ color, dash, symbol, isHollow }: Omit<Series, "name">) {
  return html`
    <svg width="32" height="12" viewBox="0 0 32 12"
      aria-hidden="true"><path d="M0 6H32" stroke="${color}" stroke-width="2" stroke-dasharray="${dash ??
        "none"}"/>${symbol &&
        html`
          <path d="${SYMBOLS[symbol]}" stroke="${color}" stroke-width="1.5"
            fill="${isHollow ? "var(--paper)" : color}" />
        `}</svg>
  `;
}
