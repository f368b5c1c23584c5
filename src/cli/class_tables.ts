/**
 * How the confusion matrix and the metrics of classes are written for people.
 *
 * @module
 */

import type { ClassMetrics } from "../train/confusion.ts";
import { formatTable } from "./table.ts";

/**
 * Writes a confusion matrix.
 *
 * @param matrix `[classes][classes]`: a row per true class, a column per predicted one.
 * @param classNames What class 0, 1, ... means.
 * @returns A line of heads, which are the numbers of the predicted classes, and a line per true class.
 */
export function formatConfusion(
  matrix: readonly (readonly number[])[],
  classNames: readonly string[],
): string {
  return formatTable([
    ["class", ...matrix.keys().map(String)],
    ...matrix.map((counts, label) => [
      `${label} ${classNames[label]}`,
      ...counts.map(String),
    ]),
  ], { textColumns: 1 });
}

/**
 * Writes precision, recall and F1 of each class.
 *
 * @param metrics The metrics of each class.
 * @param classNames What class 0, 1, ... means.
 * @returns A line of heads and a line per class.
 */
export function formatClassMetrics(
  metrics: readonly ClassMetrics[],
  classNames: readonly string[],
): string {
  const share = (value: number) => value.toFixed(3);
  return formatTable([
    ["class", "precision", "recall", "f1", "images"],
    ...metrics.map(({ precision, recall, f1, support }, label) => [
      `${label} ${classNames[label]}`,
      ...[precision, recall, f1].map(share),
      `${support}`,
    ]),
  ], { textColumns: 1 });
}
