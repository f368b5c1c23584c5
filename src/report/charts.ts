/**
 * Charts as SVG, each for wide, medium and narrow screens, and what they are made of: curves, points, bands, bars, lines across
 * and words, drawn once the scales are known.
 *
 * @module
 */

// @ts-types="@types/d3-scale"
import { type ScaleLinear, scaleLinear } from "d3-scale";
import { html, type Markup } from "./html.ts";

/** A chart. */
export interface Chart {
  /** What it shows, for a reader who cannot see it. */
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

/** Draws a chart with its legend. */
export function drawChart(chart: Chart): Markup {
  return html`${drawLegend(chart.series)}${
    SIZES.map((size) =>
      html`<div class="${size.kind}">${drawing(chart, size)}</div>`
    )
  }`;
}

function drawing(
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
  const ticks = leftTicks(yScale);
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
      ${leftAxis(scales, { ...y, ticks })} ${bottomAxis(scales, x)}
      ${marks.map(({ draw }) => draw(scales))}
    </svg>
  `;
}

/** A value at the axis on the left, and its label. */
interface Tick {
  readonly value: number;
  readonly text: string;
}

function leftTicks(y: Scales["y"]): Tick[] {
  const [bottom, top] = y.range();
  const count = (bottom - top) / TICK_DISTANCE;
  const format = y.tickFormat(count);
  return y.ticks(count).map((value) => ({ value, text: format(value) }));
}

function leftAxis(
  { x, y }: Scales,
  { label, ticks }: {
    readonly label: string;
    readonly ticks: readonly Tick[];
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

function bottomAxis({ x, y }: Scales, { label, ticks }: Chart["x"]): Markup {
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

function drawLegend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${
    series.map((one) => html`<li>${sample(one)} ${one.name}</li>`)
  }</ul>`;
}

function sample(series: Series): Markup {
  const { color, dash = "none" } = series;
  return html`
    <svg width="32" height="12" viewBox="0 0 32 12" aria-hidden="true">
      <path d="M0 6H32" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>
      ${symbolOf(series, { x: 16, y: 6 })}
    </svg>
  `;
}

/** Where values of a chart are in its drawing, in CSS pixels. */
export interface Scales {
  /** From the left. */
  readonly x: ScaleLinear<number, number>;
  /** From the top. */
  readonly y: ScaleLinear<number, number>;
}

/** A part of a chart. */
export interface Mark {
  /** Values that the axis on the left has to hold. */
  readonly heights: readonly number[];
  /** Draws it. */
  readonly draw: (scales: Scales) => Markup;
}

/** A point of a chart. */
export interface Point {
  /** Where it is on the axis at the bottom. */
  readonly x: number;
  /** Where it is on the axis on the left. */
  readonly y: number;
}

/** Shapes of points, around (0, 0). */
const SYMBOLS = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  square: "M-3.5 -3.5h7v7h-7Z",
  triangle: "M0 -4.5l4.5 8h-9Z",
  diamond: "M0 -5l4 5l-4 5l-4 -5Z",
};

/** A line of the legend, and how its curve is drawn. */
export interface Series {
  /** What it is. */
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  /** Width of the line. Default 2. */
  readonly width?: number;
  /** Dashes of the line. Default: none. */
  readonly dash?: string;
  /** Mark of its points. Default: none. */
  readonly symbol?: keyof typeof SYMBOLS;
  /** Whether the marks are empty. */
  readonly isHollow?: boolean;
}

/** A line through points, and the points. */
export function curve(series: Series, points: readonly Point[]): Mark {
  const { name, color, width = 2, dash = "none" } = series;
  return {
    heights: points.map(({ y }) => y),
    draw: ({ x, y }) => {
      const places = points.map((point) => ({ x: x(point.x), y: y(point.y) }));
      const titles = points.map((point) =>
        `${name}, epoch ${point.x}: ${point.y.toPrecision(3)}`
      );
      return html`
        <path class="curve" d="${pathOf(places)}" fill="none" stroke="${color}"
          stroke-width="${width}" stroke-dasharray="${dash}"
          stroke-linecap="round" stroke-linejoin="round" />${places.map((
            place,
            i,
          ) => symbolOf(series, place, titles[i]))}
      `;
    },
  };
}

/** Draws the symbol of a curve, if it has one. */
export function symbolOf(
  { symbol, color, isHollow }: Series,
  { x, y }: Point,
  title?: string,
): Markup | undefined {
  return symbol && html`
    <path d="${SYMBOLS[symbol]}" transform="translate(${rounded(x)} ${rounded(
      y,
    )})"
      fill="${isHollow ? "var(--paper)" : color}" stroke="${color}"
      stroke-width="1.5">${title && html`<title>${title}</title>`}</path>
  `;
}

/** A band between two curves. */
export function band(
  color: string,
  points: readonly {
    readonly x: number;
    readonly ys: readonly [low: number, high: number];
  }[],
): Mark {
  return {
    heights: points.flatMap(({ ys }) => ys),
    draw: ({ x, y }) => {
      const [low, high] = [0, 1].map((i) =>
        points.map((point) => ({ x: x(point.x), y: y(point.ys[i]) }))
      );
      const outline = `${pathOf([...low, ...high.reverse()])}Z`;
      return html`
        <path d="${outline}" fill="${color}" fill-opacity="0.25" />
      `;
    },
  };
}

/** Bars that stand on 0. */
export function bars(
  color: string,
  bars: readonly {
    readonly from: number;
    readonly to: number;
    readonly height: number;
    readonly title: string;
  }[],
): Mark {
  return {
    heights: [0, ...bars.map(({ height }) => height)],
    draw: ({ x, y }) =>
      html`${
        bars.map(({ from, to, height, title }) => {
          const path = pathOf([
            ...[{ x: x(from), y: y(0) }, { x: x(from), y: y(height) }],
            ...[{ x: x(to), y: y(height) }, { x: x(to), y: y(0) }],
          ]);
          return html`
            <path d="${path}" fill="${color}">
              <title>${title}</title>
            </path>
          `;
        })
      }`,
  };
}

/** A line across. */
export function rule(
  { color, dash = "none" }: Pick<Series, "color" | "dash">,
  height: number,
): Mark {
  return {
    heights: [height],
    draw: ({ x, y }) => {
      const [from, to] = x.range();
      return html`
        <path d="M${from} ${rounded(y(height))}H${to}" stroke="${color}"
          stroke-dasharray="${dash}" />
      `;
    },
  };
}

/** Words above a line across, at its beginning, readable whatever is behind them. */
export function words(text: string, height: number): Mark {
  return {
    heights: [height],
    draw: ({ x, y }) =>
      html`
        <text x="${x.range()[0] + 6}" y="${rounded(y(height)) - 5}"
          stroke="var(--paper)" stroke-width="4" paint-order="stroke">${text}</text>
      `,
  };
}

/** A path through places; one alone becomes a dot. */
function pathOf(places: readonly Point[]): string {
  const corners = places.map(({ x, y }) => `${rounded(x)},${rounded(y)}`);
  return `M${corners.join("L")}${places.length === 1 ? "Z" : ""}`;
}

/** Hundredths of a pixel are enough. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
