/** Charts as SVG, each for wide, medium and narrow screens, and their marks: curves, bands, bars, lines across and words. */

// @ts-types="@types/d3-scale"
import { scaleLinear } from "d3-scale";
import { html, type Markup } from "./html.ts";

/** A chart. */
export interface Chart {
  /** What it shows, for a reader who cannot see it. */
  readonly label: string;
  /** The lines of its legend. */
  readonly series: readonly Series[];
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

/** Sizes of the drawings, in CSS pixels: style.ts shows the one that fits. */
const SIZES = [
  { kind: "wide", width: 864, height: 340 },
  { kind: "medium", width: 560, height: 300 },
  { kind: "narrow", width: 320, height: 260 },
] as const;

/** Room for the axes, in CSS pixels; long labels have more on the left. */
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
  const heights = marks.flatMap(({ points }) => points.map(({ y }) => y));
  if (y.hasZero) heights.push(0);
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const yScale = scaleLinear(
    [Math.min(...heights), Math.max(...heights)],
    [bottom, top],
  ).nice();
  const numTicks = (bottom - top) / TICK_DISTANCE;
  const format = yScale.tickFormat(numTicks);
  const yTicks = yScale.ticks(numTicks).map((value) => ({
    text: format(value),
    offset: yScale(value).toFixed(2),
  }));
  const left = Math.max(
    MARGIN.left,
    ...yTicks.map(({ text }) => text.length * CHARACTER_WIDTH + LABEL_DISTANCE),
  );
  const right = width - MARGIN.right;
  const xScale = scaleLinear(x.domain, [left, right]);
  const xLabel = `${x.label} →`;
  const xTicks = x.ticks.map((value) => ({
    value,
    offset: xScale(value).toFixed(2),
  }));
  return html`
    <svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}"
      width="${width}" height="${height}" font-size="12">
      <text x="3" y="12">↑ ${y.label}</text>${yTicks.map(({ text, offset }) =>
        html`
          <g transform="translate(${left} ${offset})" stroke="currentColor">
            <path d="M0 0H${right - left}" stroke-opacity="0.1" />
            <path d="M0 0h-6" />
            <text x="-${LABEL_DISTANCE}" dy="0.32em" text-anchor="end"
              stroke="none">${text}</text>
          </g>
        `
      )}
      <text x="${right + 17}" y="${bottom +
        33}" text-anchor="end">${xLabel}</text>
      ${xTicks.map(({ value, offset }) =>
        html`
          <g transform="translate(${offset} ${bottom})" stroke="currentColor">
            <path d="M0 0v6" />
            <text y="9" dy="0.71em" text-anchor="middle" stroke="none">${value}</text>
          </g>
        `
      )}
      ${marks.map(({ points, draw }) =>
        draw(
          points.map(({ x, y }) => ({ x: xScale(x), y: yScale(y) })),
          [left, right],
        )
      )}
    </svg>
  `;
}

function drawLegend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${
    series.map((one) => {
      const { name, color, dash = "none" } = one;
      return html`
        <li>
          <svg width="32" height="12" viewBox="0 0 32 12" aria-hidden="true">
            <path d="M0 6H32" stroke="${color}" stroke-width="2"
              stroke-dasharray="${dash}"/>
            ${drawSymbol(one, { x: 16, y: 6 })}
          </svg>
          ${name}
        </li>
      `;
    })
  }</ul>`;
}

/** A part of a chart. */
export interface Mark {
  /** What it is drawn from, in values of the axes: the axis on the left holds them all. */
  readonly points: readonly Point[];
  /** Draws it from the same points in CSS pixels, and from where the axis at the bottom begins and ends. */
  readonly draw: (
    points: readonly Point[],
    axis: readonly [left: number, right: number],
  ) => Markup;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Paths around (0, 0). */
const SYMBOLS = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
  square: "M-3.5 -3.5h7v7h-7Z",
  triangle: "M0 -4.5l4.5 8h-9Z",
  diamond: "M0 -5l4 5l-4 5l-4 -5Z",
};

/** A line of the legend, and how its curve is drawn. */
export interface Series {
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  /** Width of the line. Default 2. */
  readonly width?: number;
  /** Dashes of the line. Default: none. */
  readonly dash?: string;
  /** Shape of its points. Default: none. */
  readonly symbol?: keyof typeof SYMBOLS;
  readonly isHollow?: boolean;
}

/** A line through points of epochs, and the points. */
export function curve(series: Series, points: readonly Point[]): Mark {
  const { name, color, width = 2, dash = "none" } = series;
  const titles = points.map(({ x, y }) =>
    `${name}, epoch ${x}: ${y.toPrecision(3)}`
  );
  return {
    points,
    draw: (drawn) =>
      html`
        <path class="curve" d="${pathOf(drawn)}" fill="none" stroke="${color}"
          stroke-width="${width}" stroke-dasharray="${dash}"
          stroke-linecap="round" stroke-linejoin="round" />${drawn.map((
            point,
            i,
          ) => drawSymbol(series, { ...point, title: titles[i] }))}
      `,
  };
}

/** Draws the symbol of a curve, if it has one. */
function drawSymbol(
  { symbol, color, isHollow }: Series,
  { x, y, title }: Point & { readonly title?: string },
): Markup | undefined {
  const position = `${rounded(x)} ${rounded(y)}`;
  return symbol && html`
    <path d="${SYMBOLS[symbol]}" transform="translate(${position})"
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
  const [low, high] = [0, 1]
    .map((side) => points.map(({ x, ys }) => ({ x, y: ys[side] })));
  return {
    points: [...low, ...high.reverse()],
    draw: (outline) =>
      html`
        <path d="${pathOf(outline)}Z" fill="${color}" fill-opacity="0.25" />
      `,
  };
}

/** A bar that stands on 0. */
export function bar(
  color: string,
  { from, to, height, title }: {
    readonly from: number;
    readonly to: number;
    readonly height: number;
    readonly title: string;
  },
): Mark {
  return {
    points: [[from, 0], [from, height], [to, height], [to, 0]]
      .map(([x, y]) => ({ x, y })),
    draw: (corners) =>
      html`
        <path d="${pathOf(corners)}" fill="${color}">
          <title>${title}</title>
        </path>
      `,
  };
}

/** A line across. */
export function rule(
  { color, dash = "none" }: Pick<Series, "color" | "dash">,
  height: number,
): Mark {
  return {
    points: [{ x: 0, y: height }],
    draw: ([{ y }], [left, right]) =>
      html`
        <path d="M${left} ${rounded(y)}H${right}" stroke="${color}"
          stroke-dasharray="${dash}" />
      `,
  };
}

/** Words above a line across, at its beginning, readable whatever is behind them. */
export function words(text: string, height: number): Mark {
  return {
    points: [{ x: 0, y: height }],
    draw: ([{ y }], [left]) =>
      html`
        <text x="${left + 6}" y="${rounded(y) - 5}" stroke="var(--paper)"
          stroke-width="4" paint-order="stroke">${text}</text>
      `,
  };
}

/** A path through points of a drawing; one alone becomes a dot. */
function pathOf(points: readonly Point[]): string {
  const corners = points.map(({ x, y }) => `${rounded(x)},${rounded(y)}`);
  return `M${corners.join("L")}${points.length === 1 ? "Z" : ""}`;
}

/** Hundredths of a pixel are enough. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
