/**
 * The chart of a figure over the epochs of a run: of each step, of each epoch, and what the lecture reached.
 *
 * @module
 */

import type { Markish } from "@observablehq/plot";
import type { EpochRecord } from "../runs/records.ts";
import { type Chart, curve, type PlotModule, type Series } from "./charts.ts";
import type { ReportContent } from "./content.ts";
import { LECTURE } from "./lecture.ts";
import { epochAxis, groupSteps } from "./steps.ts";

/** A figure of an epoch. */
export type EpochFigure =
  | "loss"
  | "testLoss"
  | "trainAccuracy"
  | "testAccuracy"
  | "measuredTrainAccuracy";

/** How to draw the chart. */
export interface LearningChart {
  /** What is drawn. */
  readonly of: "loss" | "accuracy";
  /** Label of the axis. */
  readonly axis: string;
  /** A curve per figure of the epochs; figures that no epoch has are left out. */
  readonly curves: readonly (Series & { readonly figure: EpochFigure })[];
  /** Which figure of the lecture is the reference, and what it is called. */
  readonly reference: {
    readonly figure: "loss" | "testAccuracy";
    readonly name: string;
  };
  /** Most points of the curve of steps: more steps are joined. */
  readonly maxPoints: number;
}

/** Of the curve of steps, which stands behind the others. */
const STEP_COLOR = "var(--faint)";

/**
 * Plans the chart.
 *
 * @param content The run.
 * @param options What is drawn.
 * @returns The chart.
 */
export function learningChart(
  content: ReportContent,
  options: LearningChart,
): Chart {
  const { of, maxPoints } = options;
  const { steps, epochs } = content;
  const axis = epochAxis(content);
  const groups = groupSteps(steps, { axis, max: maxPoints });
  const perPoint = Math.ceil(steps.length / maxPoints);
  const curves = options.curves
    .map((series) => ({
      series,
      points: epochs.map((e) => ({ x: axis.ofEpoch(e), y: e[series.figure] })),
    }))
    .filter(({ points }) => points.some(({ y }) => y !== undefined));
  const reference = _reference(content, options);
  const stepSeries = {
    name: perPoint > 1
      ? `training, mean of ${perPoint} steps`
      : "training, each step",
    color: STEP_COLOR,
  };
  return {
    label: `${_capital(of)} over epochs: ${_describe(epochs.at(-1), options)}`,
    series: [
      ...(groups.length > 0 ? [stepSeries] : []),
      ...curves.map(({ series }) => series),
      ...(reference ? [reference.series] : []),
    ],
    options: (plot) => ({
      x: _epochScale(_lastEpoch(content)),
      y: { label: options.axis, grid: true, nice: true, zero: of === "loss" },
      marks: [
        of === "accuracy" || perPoint < 2 ? null : plot.areaY(groups, {
          ...{ x: "x", y1: "minLoss", y2: "maxLoss" },
          ...{ fill: STEP_COLOR, fillOpacity: 0.25 },
        }),
        plot.lineY(groups, { x: "x", y: of, stroke: STEP_COLOR }),
        ...(reference?.marks(plot) ?? []),
        ...curves.flatMap(({ series, points }) => curve(plot, series, points)),
        reference?.label(plot),
      ],
    }),
  };
}

/** Where the run ends, in whole epochs. */
function _lastEpoch({ steps, epochs }: ReportContent): number {
  return Math.max(1, steps.at(-1)?.epoch ?? 0, epochs.at(-1)?.epoch ?? 0);
}

function _epochScale(end: number) {
  const step = Math.ceil(end / 8);
  const ticks = Array.from(
    { length: Math.floor(end / step) + 1 },
    (_, i) => i * step,
  );
  return { label: "epochs", domain: [0, end], ticks, tickFormat: String };
}

/** The lecture's epochs, and a line across at what it reached in the end, if that is known. */
function _reference(
  content: ReportContent,
  { reference: { figure, name } }: LearningChart,
): _Reference | undefined {
  const { epochs } = LECTURE[content.config.model.model];
  const reached = epochs.at(-1)?.[figure];
  if (reached === undefined) return undefined;
  const end = _lastEpoch(content);
  const points = epochs.filter(({ epoch }) => epoch <= end)
    .map((e) => ({ x: e.epoch, y: e[figure] }));
  const text = `lecture: ${reached}`;
  const series: Series = {
    ...{ name, color: "var(--muted)", dash: "2 3" },
    ...{ symbol: "diamond", isHollow: true },
  };
  return {
    series,
    marks: (plot) => [
      plot.ruleY([reached], { stroke: series.color, strokeDasharray: "2 3" }),
      ...curve(plot, series, points),
    ],
    label: (plot) =>
      plot.text([text], {
        ...{ x: 0, y: reached, dx: 6, dy: -8, textAnchor: "start" },
        ...{ fill: "currentColor", stroke: "var(--paper)", strokeWidth: 4 },
      }),
  };
}

interface _Reference {
  readonly series: Series;
  readonly marks: (plot: PlotModule) => Markish[];
  /** Stands above all curves. */
  readonly label: (plot: PlotModule) => Markish;
}

/** The last values of the curves, in words. */
function _describe(
  last: EpochRecord | undefined,
  { curves }: LearningChart,
): string {
  if (last === undefined) return "no epoch has ended yet";
  const values = curves.flatMap(({ name, figure }) => {
    const value = last[figure];
    return value === undefined ? [] : [`${name}: ${value.toFixed(3)}`];
  });
  return `in epoch ${last.epoch}, ${values.join("; ")}`;
}

function _capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}
