/**
 * Loss and accuracy of a run so far, as two curves side by side.
 *
 * @module
 */

import type { EpochEnd, Progress } from "../train/callbacks.ts";
import { drawCurve, LABEL_WIDTH, MARK } from "./curve.ts";

/** Means over a part of the training; where it begins and ends is counted in epochs, from 0. */
interface _Span {
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

/** Collects what training reports and draws it. */
export class Curves {
  readonly #spans: _Span[] = [];
  readonly #ends = new Map<number, EpochEnd>();
  #last: Progress | undefined;

  /**
   * Adds what happened since the last report of the same epoch.
   *
   * @param e What `fit` reports; anything but training is ignored, as are epochs of unknown length.
   */
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

  /**
   * Adds what was measured at the end of an epoch, and the epoch itself if nothing was reported of it.
   *
   * @param e The record of the epoch.
   */
  epochEnd(e: EpochEnd): void {
    this.#ends.set(e.epoch, e);
    if (this.#spans.some(({ end }) => Math.ceil(end) === e.epoch)) return;
    const { epoch, loss, trainAccuracy: accuracy } = e;
    this.#spans.push({ begin: epoch - 1, end: epoch, loss, accuracy });
  }

  /**
   * Draws both curves: of the training batches a line, of the test images a mark at the end of each epoch.
   *
   * @param columns Characters that there is room for.
   * @returns Lines; none if there is nothing to draw or no room.
   */
  draw(columns: number): string[] {
    const width = Math.min(Math.floor((columns - GAP) / 2), MOST_WIDTH);
    if (this.#spans.length === 0 || width < LEAST_WIDTH) return [];
    const numEpochs = Math.ceil(this.#spans.at(-1)!.end);
    const numColumns = width - LABEL_WIDTH;
    const epochs = numEpochs === 1 ? "epoch 1" : `epochs 1-${numEpochs}`;
    const marked = _epochsToMark(numEpochs, numColumns);
    const at = (epoch: number) => epoch / numEpochs;
    const draw = (
      name: string,
      key: "loss" | "accuracy",
      testKey: "testLoss" | "testAccuracy",
    ) => {
      const marks = marked.flatMap((epoch) => {
        const value = this.#ends.get(epoch)?.[testKey] ?? NaN;
        return Number.isFinite(value) ? [{ at: at(epoch), value }] : [];
      });
      const legend = marks.length > 0 ? `, ${MARK} test` : "";
      const title = `${name}, ${epochs}${legend}`;
      return drawCurve({
        title: title.length <= width || !legend ? title : `${name}${legend}`,
        values: _resample(this.#spans, {
          count: 2 * numColumns,
          per: numEpochs / (2 * numColumns),
          key,
        }),
        marks,
        ticks: marked.map(at),
      });
    };
    const right = draw("acc", "accuracy", "testAccuracy");
    return draw("loss", "loss", "testLoss")
      .map((line, i) => (line + " ".repeat(GAP) + right[i]).trimEnd());
  }
}

/** Means of equal parts of the run; a part that nothing was reported of is like the one before, but for those to come. */
function _resample(
  spans: readonly _Span[],
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

/** As many epochs as there is room for: each, or each second, fifth, tenth, twentieth... */
function _epochsToMark(numEpochs: number, numColumns: number): number[] {
  const most = numColumns / TICK_DISTANCE;
  let step = 1;
  for (let i = 0; numEpochs / step > most; i++) step *= i % 3 === 1 ? 2.5 : 2;
  return Array.from(
    { length: Math.floor(numEpochs / step) },
    (_, i) => (i + 1) * step,
  );
}
