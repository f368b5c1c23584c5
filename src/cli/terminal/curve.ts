/**
 * Curves as text, of dots of Braille patterns over an axis: any curve, loss and accuracy of a run so far, and the losses that
 * learning rates led to.
 */

import type { EpochEnd, Progress } from "../../train/callbacks.ts";
import type { LearningRatePoint } from "../../train/lr_finder.ts";

/** What to draw. */
interface Curve {
  readonly title: string;
  /** Values from left to right at equal distances, two to a character; `undefined` where there is none. */
  readonly values: readonly (number | undefined)[];
  /** Values that are marked beside the curve: where, as a share of the width, and how much. */
  readonly marks?: readonly { readonly at: number; readonly value: number }[];
  /** Shares of the width at which the axis is marked. */
  readonly ticks?: readonly number[];
  /** Rows of characters that the curve is high, besides its title and its axis. Default 5. */
  readonly height?: number;
}

/** Characters that the labels at the left take, the axis included. */
const LABEL_WIDTH = 6;

/** Dots of a Braille pattern, both ways. */
const [DOTS_X, DOTS_Y] = [2, 4];

/** First of the Braille patterns, and the bit that each dot of a column sets, from the top. Unicode, chapter 21.1. */
const [BRAILLE, BITS] = [0x2800, [[1, 2, 4, 0x40], [8, 0x10, 0x20, 0x80]]];

/** How a marked value looks. */
const MARK = "o";

/**
 * Draws a curve of at least one value or mark, as lines of the same width: a title, the curve, and its axis. At the left are
 * the ends of its range, which are round numbers, so that they seldom change while a run goes on.
 */
export function drawCurve(curve: Curve): string[] {
  const { title, values, marks = [], ticks = [], height = 5 } = curve;
  const numColumns = Math.ceil(values.length / DOTS_X);
  const { min, max, format } = roundRange([
    ...values.filter((value) => value !== undefined),
    ...marks.map(({ value }) => value),
  ]);
  /** From 0 at the top to 1 at the bottom. */
  const depthOf = (value: number) =>
    Math.min(1, Math.max(0, (max - value) / (max - min)));
  const depths = values.map((value) =>
    value === undefined ? undefined : depthOf(value)
  );
  const rows = drawLine(depths, { numColumns, height });
  for (const { at, value } of marks) {
    const row = Math.min(height - 1, Math.floor(depthOf(value) * height));
    rows[row][columnAt(at, numColumns)] = MARK;
  }
  const axis = Array<string>(numColumns).fill("-");
  for (const at of ticks) axis[columnAt(at, numColumns)] = "+";
  const labels = [format(max), ...Array<string>(height - 2).fill("")];
  labels.push(format(min), "");
  const width = LABEL_WIDTH + numColumns;
  return [
    title.slice(0, width).padEnd(width),
    ...[...rows, axis].map((row, y) => {
      const label = labels[y].padStart(LABEL_WIDTH - 1);
      return label + (y < height ? "|" : "+") + row.join("");
    }),
  ];
}

/** The range from the least to the greatest value, made larger to multiples of a fifth of a power of ten: at least of one. */
function roundRange(values: readonly number[]) {
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  // A smaller difference is an error of adding up.
  const isFlat = most - least <= 1e-6 * Math.abs(most);
  const size = isFlat ? Math.abs(most) || 1 : most - least;
  const exponent = Math.floor(Math.log10(size));
  const step = 10 ** exponent / 5;
  // A value that is off a multiple by an error of floating point only is rounded to it.
  const slack = 1e-9;
  const first = Math.floor(least / step + slack);
  const last = Math.max(first + 1, Math.ceil(most / step - slack));
  const decimals = Math.min(3, Math.max(0, 1 - exponent));
  return {
    min: first * step,
    max: last * step,
    /** Writes an end of the range, with as few digits as there is room for. */
    format(value: number): string {
      const text = value.toFixed(decimals);
      return text.length < LABEL_WIDTH ? text : value.toExponential(0);
    },
  };
}

function columnAt(share: number, numColumns: number): number {
  const column = Math.ceil(share * numColumns) - 1;
  return Math.min(numColumns - 1, Math.max(0, column));
}

/** Draws the dots of each value, and those between it and the one before, as rows of characters. */
function drawLine(
  depths: readonly (number | undefined)[],
  { numColumns, height }: { numColumns: number; height: number },
): string[][] {
  const patterns = Array.from(
    { length: height },
    () => Array<number>(numColumns).fill(0),
  );
  let before: number | undefined;
  for (const [x, depth] of depths.entries()) {
    const y = depth === undefined
      ? undefined
      : Math.round(depth * (height * DOTS_Y - 1));
    if (y !== undefined) {
      // The dots between belong to the later value, but for that at the height of the earlier one.
      const from = before === undefined ? y : before + Math.sign(y - before);
      for (let dot = Math.min(from, y); dot <= Math.max(from, y); dot++) {
        patterns[Math.floor(dot / DOTS_Y)][Math.floor(x / DOTS_X)] |=
          BITS[x % DOTS_X][dot % DOTS_Y];
      }
    }
    before = y;
  }
  return patterns.map((row) =>
    row.map((bits) => bits ? String.fromCharCode(BRAILLE + bits) : " ")
  );
}

/** Means over a part of the training; where it begins and ends is counted in epochs, from 0. */
interface Span {
  readonly begin: number;
  readonly end: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** Characters between the two curves. */
const GAP = 2;

/** Least and greatest width of a curve, in characters. */
const [LEAST_WIDTH, MOST_WIDTH] = [17, 60];

/** Least distance of marks, in characters. */
const TICK_DISTANCE = 3;

/** Collects what training reports, and draws loss and accuracy of the run so far. */
export class Curves {
  readonly #spans: Span[] = [];
  readonly #ends = new Map<number, EpochEnd>();
  #last: Progress | undefined;

  /** Adds what happened since the last report of the same epoch; ignores evaluations, and epochs of unknown length. */
  progress(e: Progress): void {
    if (e.phase !== "train" || e.batches === undefined) return;
    if (!Number.isFinite(e.loss)) return;
    const last = this.#last?.epoch === e.epoch ? this.#last : undefined;
    const done = last?.batch ?? 0;
    if (e.batch <= done) return;
    // Reported are means since the epoch began.
    const since = (key: "loss" | "accuracy") =>
      (e[key] * e.batch - (last?.[key] ?? 0) * done) / (e.batch - done);
    this.#spans.push({
      begin: e.epoch - 1 + done / e.batches,
      end: e.epoch - 1 + e.batch / e.batches,
      loss: since("loss"),
      accuracy: since("accuracy"),
    });
    this.#last = e;
  }

  /** Adds what was measured at the end of an epoch, and the epoch itself if nothing was reported of it. */
  epochEnd(e: EpochEnd): void {
    this.#ends.set(e.epoch, e);
    if (this.#spans.some(({ end }) => Math.ceil(end) === e.epoch)) return;
    const { epoch, loss, trainAccuracy: accuracy } = e;
    this.#spans.push({ begin: epoch - 1, end: epoch, loss, accuracy });
  }

  /**
   * Draws both curves side by side in so many columns: the training batches as a line, the test images as a mark at the end of
   * each epoch. There are no lines if there is nothing to draw, or no room.
   */
  draw(columns: number): string[] {
    const width = Math.min(Math.floor((columns - GAP) / 2), MOST_WIDTH);
    if (this.#spans.length === 0 || width < LEAST_WIDTH) return [];
    const right = this.#drawOne("accuracy", width);
    return this.#drawOne("loss", width)
      .map((line, i) => (line + " ".repeat(GAP) + right[i]).trimEnd());
  }

  #drawOne(key: "loss" | "accuracy", width: number): string[] {
    const [name, testKey] = key === "loss"
      ? ["loss", "testLoss"] as const
      : ["acc", "testAccuracy"] as const;
    const numEpochs = Math.ceil(this.#spans.at(-1)!.end);
    const numColumns = width - LABEL_WIDTH;
    const marked = epochsToMark(numEpochs, numColumns);
    const marks = marked.flatMap((epoch) => {
      const value = this.#ends.get(epoch)?.[testKey] ?? NaN;
      return Number.isFinite(value) ? [{ at: epoch / numEpochs, value }] : [];
    });
    const epochs = numEpochs === 1 ? "epoch 1" : `epochs 1-${numEpochs}`;
    const legend = marks.length > 0 ? `, ${MARK} test` : "";
    const title = `${name}, ${epochs}${legend}`;
    return drawCurve({
      title: title.length <= width || !legend ? title : name + legend,
      values: resample(this.#spans, {
        count: DOTS_X * numColumns,
        per: numEpochs / (DOTS_X * numColumns),
        key,
      }),
      marks,
      ticks: marked.map((epoch) => epoch / numEpochs),
    });
  }
}

/** As many epochs as there is room for: each, or each second, fifth, tenth, twentieth... */
function epochsToMark(numEpochs: number, numColumns: number): number[] {
  const most = numColumns / TICK_DISTANCE;
  let step = 1;
  for (let i = 0; numEpochs / step > most; i++) step *= i % 3 === 1 ? 2.5 : 2;
  return Array.from(
    { length: Math.floor(numEpochs / step) },
    (_, i) => (i + 1) * step,
  );
}

/** Means of equal parts of the run. A part that nothing was reported of is like the one before; parts still to come are undefined. */
function resample(
  spans: readonly Span[],
  { count, per, key }: {
    count: number;
    per: number;
    key: "loss" | "accuracy";
  },
): (number | undefined)[] {
  const sums = new Float64Array(count);
  const weights = new Float64Array(count);
  for (const { begin, end, [key]: value } of spans) {
    const last = Math.min(count - 1, Math.ceil(end / per - 1e-9) - 1);
    for (let i = Math.floor(begin / per); i <= last; i++) {
      const overlap = Math.min(end, (i + 1) * per) - Math.max(begin, i * per);
      if (overlap <= 0) continue;
      sums[i] += value * overlap;
      weights[i] += overlap;
    }
  }
  const numKnown = weights.findLastIndex((weight) => weight > 0) + 1;
  const values: (number | undefined)[] = Array(count).fill(undefined);
  for (let i = 0; i < numKnown; i++) {
    values[i] = weights[i] > 0 ? sums[i] / weights[i] : values[i - 1];
  }
  return values;
}

/** Characters of the curve of losses, without the labels at its left, and its rows. */
const LOSS_CURVE = { width: 64, height: 12 };

/** Losses that are above the first one by more than this share of its fall are not drawn, as they hide the fall. */
const HEADROOM = 0.25;

/** Draws the smoothed losses of at least two learning rates, each a fixed multiple of the one before, up to where they diverge. */
export function drawLossCurve(points: readonly LearningRatePoint[]): string {
  const { width, height } = LOSS_CURVE;
  const losses = upToDivergence(points.map((p) => p.smoothedLoss));
  const count = DOTS_X * width;
  const values = Array.from({ length: count }, (_, i) => {
    const at = i * (losses.length - 1) / (count - 1);
    const [left, right] = [losses[Math.floor(at)], losses[Math.ceil(at)]];
    return left + (right - left) * (at % 1);
  });
  const [first, last] = [0, losses.length - 1]
    .map((i) => Math.log10(points[i].learningRate));
  const ticks: number[] = [];
  let labels = "";
  for (let decade = Math.ceil(first - 1e-9); decade <= last; decade++) {
    const share = (decade - first) / (last - first);
    ticks.push(share);
    labels = labels.padEnd(LABEL_WIDTH + columnAt(share, width)) +
      `1e${decade}`;
  }
  const title = "loss by learning rate";
  return [...drawCurve({ title, values, ticks, height }), labels]
    .map((line) => line.trimEnd()).join("\n");
}

function upToDivergence(losses: readonly number[]): readonly number[] {
  const least = losses.indexOf(Math.min(...losses));
  const top = Math.max(...losses.slice(0, least + 1));
  const fall = top - losses[least];
  const limit = fall > 0 ? top + HEADROOM * fall : Infinity;
  const end = losses.findIndex((loss, i) => i > least && loss > limit);
  return end === -1 ? losses : losses.slice(0, end);
}
