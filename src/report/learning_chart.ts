/**
 * The chart of a figure over the epochs of a run: of each step, of each epoch, and what the lecture reached.
 *
 * @module
 */

import type { RunRecords } from "../runs/read_run.ts";
import type { EpochRecord, StepRecord } from "../runs/records.ts";
import {
  band,
  type Chart,
  curve,
  type Mark,
  rule,
  type Series,
  words,
} from "./charts.ts";
import type { ReportContent } from "./evaluation.ts";
import { LECTURE } from "./lecture.ts";

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
  const reference = referenceMarks(content, options);
  const ofSteps: Series = {
    name: perPoint > 1
      ? `training, mean of ${perPoint} steps`
      : "training, each step",
    ...{ color: STEP_COLOR, width: 1.5 },
  };
  const hasBand = of === "loss" && perPoint > 1;
  const ofGroups = groups.length === 0 ? [] : [
    ...(hasBand ? [bandOf(groups)] : []),
    curve(ofSteps, groups.map((group) => ({ x: group.x, y: group[of] }))),
  ];
  return {
    label: `${capital(of)} over epochs: ${describe(epochs.at(-1), options)}`,
    series: [
      ...(groups.length > 0 ? [ofSteps] : []),
      ...curves.map(({ series }) => series),
      ...(reference ? [reference.series] : []),
    ],
    x: epochTicks(lastEpoch(content)),
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
function bandOf(groups: readonly StepGroup[]): Mark {
  return band(
    STEP_COLOR,
    groups.map(({ x, minLoss, maxLoss }) => ({ x, ys: [minLoss, maxLoss] })),
  );
}

/** Where the run ends, in whole epochs. */
function lastEpoch({ steps, epochs }: ReportContent): number {
  return Math.max(1, steps.at(-1)?.epoch ?? 0, epochs.at(-1)?.epoch ?? 0);
}

function epochTicks(end: number): Chart["x"] {
  const step = Math.ceil(end / 8);
  const ticks = Array.from(
    { length: Math.floor(end / step) + 1 },
    (_, i) => i * step,
  );
  return { label: "epochs", domain: [0, end], ticks };
}

/** The lecture's epochs, and a line across at what it reached in the end, if that is known. */
function referenceMarks(
  content: ReportContent,
  { reference: { figure, name } }: LearningChart,
): Reference | undefined {
  const { epochs } = LECTURE[content.config.model.model];
  const reached = epochs.at(-1)?.[figure];
  if (reached === undefined) return undefined;
  const end = lastEpoch(content);
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

interface Reference {
  readonly series: Series;
  readonly marks: readonly Mark[];
  /** Stands above all curves. */
  readonly words: Mark;
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

function capital(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}

/** A few steps as one point. */
export interface StepGroup {
  /** Middle of the steps, in epochs. */
  readonly x: number;
  /** Mean of their losses, in nats. */
  readonly loss: number;
  /** Smallest loss. */
  readonly minLoss: number;
  /** Largest loss. */
  readonly maxLoss: number;
  /** Mean of their accuracies, in [0, 1]. */
  readonly accuracy: number;
}

/** An axis of epochs: epoch 1 is from 0 to 1. */
export interface EpochAxis {
  /** Places a step. */
  ofStep(step: StepRecord): number;
  /** Places the end of an epoch. */
  ofEpoch(epoch: EpochRecord): number;
}

/** Makes the axis of a run. */
export function epochAxis(run: RunRecords): EpochAxis {
  const { steps, epochs } = run;
  const starts = new Map<number, number>();
  for (const { epoch, steps } of epochs) starts.set(epoch + 1, steps);
  for (const { epoch, step } of steps) {
    if (!starts.has(epoch)) starts.set(epoch, epoch === 1 ? 0 : step);
  }
  const startOf = (epoch: number) => starts.get(epoch) ?? 0;
  const whole = epochs.find(({ isPartial }) => !isPartial);
  const length = whole ? whole.steps - startOf(whole.epoch) : plannedSteps(run);
  const place = (epoch: number, steps: number) =>
    epoch - 1 + Math.min(1, (steps - startOf(epoch)) / length);
  return {
    ofStep: ({ epoch, step }) => place(epoch, step + 0.5),
    ofEpoch: ({ epoch, steps, isPartial }) =>
      isPartial ? place(epoch, steps) : epoch,
  };
}

function plannedSteps({ config, steps }: RunRecords): number {
  const batchSize = config.recipe["batch-size"];
  return typeof batchSize === "number" && batchSize >= 1
    ? Math.ceil(config.data.trainSamples / batchSize)
    : Math.max(1, steps.length);
}

/**
 * Joins steps into groups of as many each, in order, as a curve of every step is large and hard to read. The last group
 * may be smaller.
 */
export function groupSteps(
  steps: readonly StepRecord[],
  { axis, max }: { readonly axis: EpochAxis; readonly max: number },
): StepGroup[] {
  // A loss that is not a number ended the run; it has no place on an axis.
  const finite = steps.flatMap(({ loss, ...rest }) =>
    loss === null ? [] : [{ loss, ...rest }]
  );
  const size = Math.max(1, Math.ceil(finite.length / max));
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const group = finite.slice(i * size, (i + 1) * size);
    const losses = group.map(({ loss }) => loss);
    return {
      x: meanOf(group.map(axis.ofStep)),
      loss: meanOf(losses),
      minLoss: Math.min(...losses),
      maxLoss: Math.max(...losses),
      accuracy: meanOf(group.map(({ accuracy }) => accuracy)),
    };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
