/** The chart of a figure over the epochs of a run: of each step, of each epoch, and what the lecture reached. */

import type { RunRecords } from "../runs/read_run.ts";
import type { EpochRecord, StepRecord } from "../runs/records.ts";
import {
  band,
  type Chart,
  curve,
  type Mark,
  type Point,
  rule,
  type Series,
  words,
} from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import {
  type EpochFigure,
  type EpochFigures,
  hasFigure,
  lectureOf,
} from "./lecture.ts";

/** How to draw the chart. */
interface LearningChart {
  readonly of: "loss" | "accuracy";
  readonly yLabel: string;
  /** A curve per figure of the epochs. A figure that no epoch has is left out. */
  readonly curves: readonly (Series & { readonly figure: EpochFigure })[];
  /** Which figure of the lecture is the reference, and what it is called. */
  readonly reference: { readonly figure: EpochFigure; readonly name: string };
  /** Most points of the curve of steps: more steps are joined. */
  readonly maxPoints: number;
}

/** Colour of the curve of steps, which stands behind the others. */
const STEP_COLOR = "var(--faint)";

/** Plans the chart. */
export function learningChart(
  content: ReportContent,
  options: LearningChart,
): Chart {
  const { of } = options;
  const { steps, epochs } = content;
  const last = epochs.at(-1);
  const end = Math.max(1, steps.at(-1)?.epoch ?? 0, last?.epoch ?? 0);
  const axis = epochAxis(content);
  const ofSteps = stepLine(steps, { ...options, axis });
  const ofEpochs = options.curves
    .filter(({ figure }) => hasFigure(epochs, figure))
    .map((series): LegendLine => {
      const points = pointsOf(epochs, series.figure, axis.ofEpoch);
      return { series, marks: [curve(series, points)] };
    });
  const ofLecture = lectureLine(content, { ...options, end });
  return {
    label: `${of[0].toUpperCase()}${of.slice(1)} over epochs: ${
      describe(last, options)
    }`,
    series: [ofSteps, ...ofEpochs, ofLecture]
      .flatMap((line) => line?.series ?? []),
    x: epochTicks(end),
    y: { label: options.yLabel, hasZero: of === "loss" },
    marks: [
      ...[ofSteps, ofLecture, ...ofEpochs]
        .flatMap((line) => line?.marks ?? []),
      ...ofLecture ? [ofLecture.words] : [],
    ],
  };
}

/** A line of the legend, and what is drawn of it. */
interface LegendLine {
  readonly series: Series;
  readonly marks: readonly Mark[];
}

function stepLine(
  steps: readonly StepRecord[],
  { of, maxPoints, axis }: LearningChart & { axis: EpochAxis },
): LegendLine | undefined {
  const groups = groupSteps(steps, { axis, max: maxPoints });
  if (groups.length === 0) return undefined;
  const perPoint = Math.ceil(steps.length / maxPoints);
  const series: Series = {
    name: perPoint > 1
      ? `training, mean of ${perPoint} steps`
      : "training, each step",
    color: STEP_COLOR,
    width: 1.5,
  };
  const means = groups.map((group) => ({ x: group.x, y: group[of] }));
  const marks = [curve(series, means)];
  if (of === "loss" && perPoint > 1) {
    const ranges = groups.map(({ x, losses }) => ({ x, ys: losses }));
    marks.unshift(band(STEP_COLOR, ranges));
  }
  return { series, marks };
}

/** The lecture's epochs, and a line across at what it reached in the end, with words to stand above all curves. */
function lectureLine(
  { config }: ReportContent,
  { reference, end }: LearningChart & { end: number },
): LegendLine & { words: Mark } | undefined {
  const { epochs } = lectureOf(config);
  const reached = epochs.at(-1)?.[reference.figure];
  if (reached === undefined) return undefined;
  const series: Series = {
    name: reference.name,
    color: "var(--muted)",
    dash: "2 3",
    symbol: "diamond",
    isHollow: true,
  };
  const seen = epochs.filter(({ epoch }) => epoch <= end);
  const points = pointsOf(seen, reference.figure, ({ epoch }) => epoch);
  return {
    series,
    marks: [rule(series, reached), curve(series, points)],
    words: words(`lecture: ${reached}`, reached),
  };
}

function pointsOf<Epoch extends EpochFigures>(
  epochs: readonly Epoch[],
  figure: EpochFigure,
  xOf: (epoch: Epoch) => number,
): Point[] {
  return epochs.flatMap((epoch) => {
    const y = epoch[figure];
    return y === undefined ? [] : [{ x: xOf(epoch), y }];
  });
}

function epochTicks(end: number): Chart["x"] {
  const interval = Math.ceil(end / 8);
  const count = Math.floor(end / interval) + 1;
  const ticks = Array.from({ length: count }, (_, i) => i * interval);
  return { label: "epochs", domain: [0, end], ticks };
}

/** The last values of the curves, in words. */
function describe(
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

/** An axis of the epochs of a run, on which epoch 1 is from 0 to 1: where the middle of a step is, and the end of an epoch. */
export function epochAxis(run: RunRecords) {
  const { steps, epochs } = run;
  const starts = new Map<number, number>();
  for (const { epoch, steps } of epochs) starts.set(epoch + 1, steps);
  for (const { epoch, step } of steps) {
    if (!starts.has(epoch)) starts.set(epoch, epoch === 1 ? 0 : step);
  }
  const startOf = (epoch: number) => starts.get(epoch) ?? 0;
  const whole = epochs.find(({ isPartial }) => !isPartial);
  const length = whole ? whole.steps - startOf(whole.epoch) : plannedSteps(run);
  const position = (epoch: number, steps: number) =>
    epoch - 1 + Math.min(1, (steps - startOf(epoch)) / length);
  return {
    ofStep: ({ epoch, step }: StepRecord) => position(epoch, step + 0.5),
    ofEpoch: ({ epoch, steps, isPartial }: EpochRecord) =>
      isPartial ? position(epoch, steps) : epoch,
  };
}

/** What {@linkcode epochAxis} makes. */
type EpochAxis = ReturnType<typeof epochAxis>;

function plannedSteps({ config, steps }: RunRecords): number {
  const batchSize = config.recipe["batch-size"];
  return typeof batchSize === "number" && batchSize >= 1
    ? Math.ceil(config.data.trainSamples / batchSize)
    : Math.max(1, steps.length);
}

/** A few steps as one point: their middle, in epochs, the means of their figures, and the range of their losses. */
interface StepGroup {
  readonly x: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly losses: readonly [min: number, max: number];
}

/**
 * Joins steps into groups of as many each, in order, as a curve of every step is large and hard to read. The last group
 * may be smaller.
 */
export function groupSteps(
  steps: readonly StepRecord[],
  { axis, max }: { readonly axis: EpochAxis; readonly max: number },
): StepGroup[] {
  // A loss that is not a number ended the run. It cannot be drawn.
  const finite = steps.filter(({ loss }) => loss !== null);
  const size = Math.max(1, Math.ceil(finite.length / max));
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const group = finite.slice(i * size, (i + 1) * size);
    const losses = group.map(({ loss }) => loss!);
    return {
      x: meanOf(group.map(axis.ofStep)),
      loss: meanOf(losses),
      accuracy: meanOf(group.map(({ accuracy }) => accuracy)),
      losses: [Math.min(...losses), Math.max(...losses)],
    };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
