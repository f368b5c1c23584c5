/**
 * The chart of a figure over the epochs of a run: of each step, of each epoch, and what the lecture reached.
 *
 * @module
 */

import type { EpochRecord } from "../runs/records.ts";
import type { Chart } from "./charts.ts";
import type { ReportContent } from "./content.ts";
import { LECTURE } from "./lecture.ts";
import { band, curve, type Mark, rule, type Series, words } from "./marks.ts";
import { epochAxis, groupSteps, type StepGroup } from "./steps.ts";

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

/** Plans the chart. */
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
      points: epochs.flatMap((epoch) => {
        const y = epoch[series.figure];
        return y === undefined ? [] : [{ x: axis.ofEpoch(epoch), y }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
  const reference = _reference(content, options);
  const ofSteps: Series = {
    name: perPoint > 1
      ? `training, mean of ${perPoint} steps`
      : "training, each step",
    ...{ color: STEP_COLOR, width: 1.5 },
  };
  const hasBand = of === "loss" && perPoint > 1;
  const ofGroups = groups.length === 0 ? [] : [
    ...(hasBand ? [_bandOf(groups)] : []),
    curve(ofSteps, groups.map((group) => ({ x: group.x, y: group[of] }))),
  ];
  return {
    label: `${_capital(of)} over epochs: ${_describe(epochs.at(-1), options)}`,
    series: [
      ...(groups.length > 0 ? [ofSteps] : []),
      ...curves.map(({ series }) => series),
      ...(reference ? [reference.series] : []),
    ],
    x: _epochTicks(_lastEpoch(content)),
    y: { label: options.axis, hasZero: of === "loss" },
    marks: [
      ...ofGroups,
      ...(reference?.marks ?? []),
      ...curves.map(({ series, points }) => curve(series, points)),
      ...(reference ? [reference.words] : []),
    ],
  };
}

/** From the lowest to the highest loss of the steps that are one point. */
function _bandOf(groups: readonly StepGroup[]): Mark {
  return band(
    STEP_COLOR,
    groups.map(({ x, minLoss, maxLoss }) => ({ x, ys: [minLoss, maxLoss] })),
  );
}

/** Where the run ends, in whole epochs. */
function _lastEpoch({ steps, epochs }: ReportContent): number {
  return Math.max(1, steps.at(-1)?.epoch ?? 0, epochs.at(-1)?.epoch ?? 0);
}

function _epochTicks(end: number): Chart["x"] {
  const step = Math.ceil(end / 8);
  const ticks = Array.from(
    { length: Math.floor(end / step) + 1 },
    (_, i) => i * step,
  );
  return { label: "epochs", domain: [0, end], ticks };
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
    .flatMap(({ epoch, ...e }) => {
      const y = e[figure];
      return y === undefined ? [] : [{ x: epoch, y }];
    });
  const series: Series = {
    ...{ name, color: "var(--muted)", dash: "2 3" },
    ...{ symbol: "diamond", isHollow: true },
  };
  return {
    series,
    marks: [rule(series, reached), curve(series, points)],
    words: words(`lecture: ${reached}`, reached),
  };
}

interface _Reference {
  readonly series: Series;
  readonly marks: readonly Mark[];
  /** Stands above all curves. */
  readonly words: Mark;
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
