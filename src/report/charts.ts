/**
 * Charts as SVG, each for wide, medium and narrow screens.
 *
 * @module
 */

// @ts-types="@types/d3-scale"
import { scaleLinear } from "d3-scale";
import { html, type Markup } from "./html.ts";
import { type Mark, type Scales, type Series, symbolOf } from "./marks.ts";

/** A chart. */
export interface Chart {
  /** What it shows, for whoever does not see it. */
  readonly label: string;
  /** What its curves are. */
  readonly series: readonly Series[];
  /** The axis at the bottom. */
  readonly x: {
    readonly label: string;
    readonly domain: readonly [first: number, last: number];
    readonly ticks: readonly number[];
  };
  /** The axis on the left, and whether it begins at 0. */
  readonly y: { readonly label: string; readonly hasZero: boolean };
  /** What is drawn, the last above the others. */
  readonly marks: readonly Mark[];
}

/** CSS pixels; style.ts shows the one that fits. */
const SIZES = [
  { kind: "wide", width: 864, height: 340 },
  { kind: "medium", width: 560, height: 300 },
  { kind: "narrow", width: 320, height: 260 },
] as const;

/** Room for the axes, in CSS pixels; on the left at least, as long labels have more. */
const MARGIN = { top: 28, right: 20, bottom: 38, left: 44 };

/** How wide a character of a label is at most, and how far labels end from the axis on the left, in CSS pixels. */
const CHARACTER_WIDTH = 8;
const LABEL_DISTANCE = 9;

/** How far apart the ticks on the left are, about, in CSS pixels. */
const TICK_DISTANCE = 35;

/**
 * Draws a chart with its legend.
 *
 * @param chart The chart.
 * @returns The drawings, one for each width of a screen.
 */
export function drawChart(chart: Chart): Markup {
  return html`${_legend(chart.series)}${
    SIZES.map((size) =>
      html`<div class="${size.kind}">${_drawing(chart, size)}</div>`
    )
  }`;
}

function _drawing(
  chart: Chart,
  { width, height }: { readonly width: number; readonly height: number },
): Markup {
  const { label, x, y, marks } = chart;
  const heights = marks.flatMap(({ heights }) => heights);
  if (y.hasZero) heights.push(0);
  const yScale = scaleLinear(
    [Math.min(...heights), Math.max(...heights)],
    [height - MARGIN.bottom, MARGIN.top],
  ).nice();
  const ticks = _leftTicks(yScale);
  const left = Math.max(
    MARGIN.left,
    ...ticks.map(({ text }) => text.length * CHARACTER_WIDTH + LABEL_DISTANCE),
  );
  const scales = {
    x: scaleLinear(x.domain, [left, width - MARGIN.right]),
    y: yScale,
  };
  return html`
    <svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}"
      width="${width}" height="${height}" font-size="12">
      ${_leftAxis(scales, { ...y, ticks })} ${_bottomAxis(scales, x)}
      ${marks.map(({ draw }) => draw(scales))}
    </svg>
  `;
}

/** A value at the axis on the left, and its label. */
interface _Tick {
  readonly value: number;
  readonly text: string;
}

function _leftTicks(y: Scales["y"]): _Tick[] {
  const [bottom, top] = y.range();
  const count = (bottom - top) / TICK_DISTANCE;
  const format = y.tickFormat(count);
  return y.ticks(count).map((value) => ({ value, text: format(value) }));
}

function _leftAxis(
  { x, y }: Scales,
  { label, ticks }: {
    readonly label: string;
    readonly ticks: readonly _Tick[];
  },
): Markup {
  const [left, right] = x.range();
  const marks = ticks.map(({ value, text }) => {
    const place = `translate(${left} ${y(value).toFixed(2)})`;
    return html`
      <g transform="${place}" stroke="currentColor">
        <path d="M0 0H${right - left}" stroke-opacity="0.1" />
        <path d="M0 0h-6" />
        <text x="-${LABEL_DISTANCE}" dy="0.32em" text-anchor="end"
          stroke="none">${text}</text>
      </g>
    `;
  });
  return html`<text x="3" y="12">↑ ${label}</text>${marks}`;
}

function _bottomAxis({ x, y }: Scales, { label, ticks }: Chart["x"]): Markup {
  const [bottom] = y.range();
  const [, right] = x.range();
  const marks = ticks.map((tick) => {
    const place = `translate(${x(tick).toFixed(2)} ${bottom})`;
    return html`
      <g transform="${place}" stroke="currentColor">
        <path d="M0 0v6" />
        <text y="9" dy="0.71em" text-anchor="middle" stroke="none">${tick}</text>
      </g>
    `;
  });
  return html`
    <text x="${right + 17}" y="${bottom +
      33}" text-anchor="end">${label} →</text>
    ${marks}
  `;
}

function _legend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${
    series.map((one) => html`<li>${_sample(one)} ${one.name}</li>`)
  }</ul>`;
}

function _sample(series: Series): Markup {
  const { color, dash = "none" } = series;
  return html`
    <svg width="32" height="12" viewBox="0 0 32 12" aria-hidden="true">
      <path d="M0 6H32" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>
      ${symbolOf(series, { x: 16, y: 6 })}
    </svg>
  `;
}
