/**
 * The curve of losses over learning rates, in characters.
 *
 * @module
 */

import plot from "simple-ascii-chart";
import type { LearningRatePoint } from "../train/lr_finder.ts";

/** Columns and rows of the curve, without its axes. */
const SIZE = { width: 64, height: 12 };

/** What is above the first loss by more than this share of its fall is not drawn, as it hides the fall. */
const HEADROOM = 0.25;

/**
 * Draws a curve.
 *
 * @param points What was tried, at least two.
 * @returns Lines with the smoothed losses over the learning rates, whose axis is logarithmic, up to where they diverge.
 */
export function drawLossCurve(points: readonly LearningRatePoint[]): string {
  const shown = _upToDivergence(points);
  const curve = shown.map((
    { learningRate, smoothedLoss },
  ): [number, number] => [Math.log10(learningRate), smoothedLoss]);
  const decades: number[] = [];
  const [first, last] = [curve[0][0], curve.at(-1)![0]];
  for (let decade = Math.ceil(first - 1e-9); decade <= last; decade++) {
    decades.push(decade);
  }
  const losses = shown.map(({ smoothedLoss }) => smoothedLoss);
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const ticks = [0, 1, 2, 3, 4].map((k) => least + (most - least) * k / 4);
  const chart = plot(curve, {
    ...SIZE,
    customXAxisTicks: decades,
    customYAxisTicks: ticks,
    formatter: (value, { axis }) =>
      axis === "x" ? `1e${Math.round(value)}` : value.toPrecision(3),
  });
  return chart.split("\n").map((line) => line.trimEnd()).filter(Boolean)
    .join("\n");
}

function _upToDivergence(
  points: readonly LearningRatePoint[],
): readonly LearningRatePoint[] {
  const losses = points.map(({ smoothedLoss }) => smoothedLoss);
  const least = losses.indexOf(Math.min(...losses));
  const top = Math.max(...losses.slice(0, least + 1));
  const fall = top - losses[least];
  const limit = fall > 0 ? top + HEADROOM * fall : Infinity;
  const end = losses.findIndex((loss, i) => i > least && loss > limit);
  return end === -1 ? points : points.slice(0, end);
}
